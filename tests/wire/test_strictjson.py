"""Depth is counted in one pass, whatever stands in a text: time may not grow with the square of the bytes."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from wire import ack, collector_status, request, status, strictjson


@pytest.mark.parametrize(
    "text", [b'"' + b'\\"' * 1_000_000, b'"' + b"\\" * 2_000_000, b'"' * 1_000_001, b"[" * 2_000_000]
)
def test_a_text_without_an_end_is_read_once(text: bytes) -> None:
    began_s = time.thread_time()
    with pytest.raises(strictjson.NotStrict):
        strictjson.loads(b"[" * 17 + text)
    assert time.thread_time() - began_s < 10  # seconds where it is read once, and days where it is not


def test_brackets_within_a_text_are_no_depth() -> None:
    assert strictjson.loads(b'{"a":"' + b"[" * 40 + b'"}') == {"a": "[" * 40}
    with pytest.raises(strictjson.TooLarge):
        strictjson.loads(b'{"a":' + b"[" * 16 + b"]" * 16 + b"}")


@pytest.mark.parametrize("part", [b"{}", b"[]", b'{"a":0}', b'{"":[]}'])
def test_a_document_of_a_million_parts_is_refused_before_it_is_read(part: bytes) -> None:
    with pytest.raises(strictjson.TooLarge, match="more than 250000"):
        strictjson.loads(b'{"x":[' + (part + b",") * 300_000 + b"0]}")
    assert len(strictjson.loads(b'{"x":[' + (part + b",") * 60_000 + b"0]}")["x"]) == 60_001


@pytest.mark.parametrize(
    "read", [ack.decode, request.decode, collector_status.decode, lambda body: status.decode("lp-1", body)]
)
@pytest.mark.parametrize("version", [b"true", b"1.0", b'"1"', b"2", b"null"])
def test_nothing_but_the_whole_number_is_the_version(read: Callable[[bytes], object], version: bytes) -> None:
    hello = ack.Hello("c1", 1, {"0" * 32: 1}, session="0" * 16)
    birth = status.Birth("lp-1", "s", "0" * 16, ("0" * 32,), 1, None, "1", "synced")
    said = collector_status.CollectorStatus(collector_status.State.ACTIVE, 1, 1)
    asked = request.Request("a", "0" * 16, 1, {})
    bodies = (ack.encode(hello), request.encode(asked), collector_status.encode(said), status.encode(birth))
    (body,) = (each for each in bodies if _is_read(read, each))
    assert not _is_read(read, body.replace(b'"v":1', b'"v":' + version))


def _is_read(read: Callable[[bytes], object], body: bytes) -> bool:
    try:
        read(body)
    except ValueError:
        return False
    return True
