"""Depth is counted in one pass, whatever stands in a text: time may not grow with the square of the bytes."""

from __future__ import annotations

import time

import pytest

from wire import strictjson


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
    with pytest.raises(strictjson.TooDeep):
        strictjson.loads(b'{"a":' + b"[" * 16 + b"]" * 16 + b"}")
