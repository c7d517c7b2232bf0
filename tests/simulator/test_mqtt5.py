"""The fleet's codec: the same bytes however they are split, and paho's own packets read back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fleet import mqtt5

payloads = st.binary(max_size=400)


@given(st.lists(st.tuples(payloads, st.integers(0, 65_535), st.booleans()), max_size=6), st.lists(st.integers(0, 3000)))
def test_packets_are_the_same_whole_and_split(messages: list[tuple[bytes, int, bool]], cuts: list[int]) -> None:
    stream = b"".join(
        mqtt5.publish(b"lamppost/1/lp-1/ack", payload, packet_id, retain, mqtt5.expiry(30))
        for payload, packet_id, retain in messages
    )
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    reader, found = mqtt5.Packets(), []
    for start, end in pairwise(places):
        found += [mqtt5.message(packet) for packet in reader.feed(stream[start:end])]
    assert [(m.payload, m.packet_id, m.retained) for m in found] == messages
    assert all(message.topic == "lamppost/1/lp-1/ack" for message in found)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_waited_for_and_never_crashes(noise: bytes) -> None:
    try:
        for packet in mqtt5.Packets().feed(noise):
            mqtt5.reason(packet)
            mqtt5.message(packet)
    except mqtt5.Broken:
        pass


def test_a_length_beyond_the_limit_is_refused_before_it_is_waited_for() -> None:
    with pytest.raises(mqtt5.Broken):
        mqtt5.Packets().feed(b"\x30\xff\xff\xff\x7f")


def test_worked_example_of_the_standard() -> None:
    """MQTT 5.0, figures 3-6 and 3-9: QoS 1, packet id 10, no properties."""
    assert mqtt5.publish(b"a/b", b"", 10) == bytes.fromhex("320800 03 612f62 000a 00".replace(" ", ""))
    assert mqtt5.puback(10) == bytes.fromhex("4002000a")
