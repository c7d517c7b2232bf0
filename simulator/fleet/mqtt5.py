"""The little of MQTT 5 that a virtual node speaks, as bytes in and packets out. No socket, no clock.

    CONNECT, SUBSCRIBE, PUBLISH at QoS 0 and 1, PUBACK, PINGREQ, DISCONNECT out;
    CONNACK, SUBACK, PUBLISH, PUBACK, PINGRESP, DISCONNECT in

A library that keeps a thread, a queue and an object per message costs 100 to 250 µs a message; ten thousand nodes in
one core have room for 200 µs a batch, its acknowledgement included (docs/decisions/0050-fleet-client.md). Numbers in
brackets are sections of OASIS MQTT 5.0.
"""

from __future__ import annotations

from typing import Final, NamedTuple

CONNACK: Final = 2
PUBLISH: Final = 3
PUBACK: Final = 4
SUBACK: Final = 9
PINGRESP: Final = 13
DISCONNECT: Final = 14
PACKET_BYTES_MAX: Final = 1024 * 1024
REFUSED_FROM: Final = 0x80
"""Reason codes from here on are failures [2.4]."""


class Broken(ValueError):
    """The other side does not speak MQTT 5, or sends more than we would ever ask for: drop the connection."""


class Packet(NamedTuple):
    """One packet: its type, the four flags of its first byte, and everything behind the length."""

    kind: int
    flags: int
    body: bytes


class Message(NamedTuple):
    """A PUBLISH that arrived. `packet_id` is 0 at QoS 0."""

    topic: str
    payload: bytes
    packet_id: int
    retained: bool


class Packets:
    """Bytes in, whole packets out; half a packet waits for its rest."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that `data` completes. Raises Broken."""
        if self._rest:
            data = self._rest + data
        found = []
        at, end = 0, len(data)
        while end - at >= 2:
            length, start = _length(data, at + 1)
            if start == 0 or end - start < length:
                break
            found.append(Packet(data[at] >> 4, data[at] & 15, data[start : start + length]))
            at = start + length
        self._rest = data[at:]
        return found


def connect(client: str, keepalive_s: int, will_topic: str, will: bytes, password: bytes | None = None) -> bytes:
    """CONNECT with a clean start, a retained last will at QoS 1, and the client id as the user name [3.1]."""
    flags = 0b1010_1110 | (0x40 if password is not None else 0)
    body = _text("MQTT") + bytes((5, flags)) + keepalive_s.to_bytes(2, "big") + b"\0" + _text(client)
    body += b"\0" + _text(will_topic) + _binary(will) + _text(client)
    return _packet(0x10, body + (b"" if password is None else _binary(password)))


def subscribe(packet_id: int, *topics: str) -> bytes:
    """SUBSCRIBE at QoS 1 [3.8]."""
    return _packet(0x82, packet_id.to_bytes(2, "big") + b"\0" + b"".join(_text(topic) + b"\x01" for topic in topics))


def publish(
    topic: bytes, payload: bytes, packet_id: int = 0, retain: bool = False, properties: bytes = b"", again: bool = False
) -> bytes:
    """PUBLISH [3.3]: at QoS 1 with a packet id, at QoS 0 without. `topic` is UTF-8, `properties` as `expiry` gives."""
    first = 0x30 | (0x02 if packet_id else 0) | retain | (0x08 if again else 0)
    head = len(topic).to_bytes(2, "big") + topic + (packet_id.to_bytes(2, "big") if packet_id else b"")
    return _packet(first, head + _varint(len(properties)) + properties + payload)


def expiry(seconds: int) -> bytes:
    """The property that lets a message die in the broker [3.3.2.3.3]."""
    return b"\x02" + seconds.to_bytes(4, "big")


def puback(packet_id: int) -> bytes:
    """PUBACK, success [3.4]."""
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


PINGREQ: Final = b"\xc0\x00"
GOODBYE: Final = b"\xe0\x00"


def message(packet: Packet) -> Message:
    """Read a PUBLISH. Raises Broken."""
    body = packet.body
    try:
        at = 2 + int.from_bytes(body[:2], "big")
        topic = body[2:at].decode()
        packet_id = 0
        if packet.flags & 0x06:
            packet_id, at = int.from_bytes(body[at : at + 2], "big"), at + 2
        length, at = _length(body, at)
    except (UnicodeDecodeError, IndexError) as error:
        raise Broken("a PUBLISH that cannot be read") from error
    if at == 0 or at + length > len(body):
        raise Broken("a PUBLISH cut short")
    return Message(topic, body[at + length :], packet_id, bool(packet.flags & 1))


def reason(packet: Packet) -> int:
    """The reason code of a CONNACK, PUBACK, SUBACK or DISCONNECT; 0 where it is left out, as success may be."""
    body = packet.body
    if packet.kind == CONNACK:
        return body[1] if len(body) > 1 else REFUSED_FROM
    if packet.kind == SUBACK:
        return max(body[3:], default=REFUSED_FROM)
    if packet.kind == PUBACK:
        return body[2] if len(body) > 2 else 0
    return body[0] if body else 0


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer and the place behind it [1.5.5]; place 0 when its end is still to come."""
    value = 0
    for shift in (0, 7, 14, 21):
        if at >= len(data):
            return 0, 0
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > PACKET_BYTES_MAX:
                raise Broken(f"a packet of {value} bytes")
            return value, at
    raise Broken("a length of more than four bytes")


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _varint(len(body)) + body


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
