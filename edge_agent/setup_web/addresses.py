"""Where the set-up page listens, and by which addresses a phone reaches it."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct

from wire.both import Both
from wire.exits import Exit, Failure

PORT = 8088
_SIOCGIFADDR = 0x8915


def parse(text: str) -> tuple[str, int]:
    """`192.168.4.1`, `192.168.4.1:8088` or `:8088` as address and port. Raises Failure; names are not looked up."""
    host, colon, port = text.rpartition(":") if ":" in text else (text, "", "")
    try:
        address = ipaddress.IPv4Address(host or "0.0.0.0")
        number = int(port) if colon else PORT
        if not 0 <= number <= 65535:
            raise ValueError
    except ValueError:
        why = Both(f"--listen {text}: an address of this device is wanted", f"--listen {text}：要写本机的地址")
        raise Failure(Exit.USAGE, "listen-unreadable", why, "--listen 192.168.4.1:8088") from None
    return str(address), number


def reachable(host: str) -> list[str]:
    """The address itself, or for 0.0.0.0 those of every network this device is in."""
    if host != "0.0.0.0":
        return [host]
    found = [address for _, name in socket.if_nameindex() if (address := _address_of(name)) is not None]
    return sorted(found, key=lambda address: address.startswith("127.")) or ["127.0.0.1"]


def _address_of(interface: str) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            answer = fcntl.ioctl(asker, _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])
