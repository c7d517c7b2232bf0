"""The quick reader says what the strict one says: the same values of the same types, or the same complaint."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.delivery import quick_json
from wire import batch, strictjson
from wire.batch import Block

PLAIN = batch.encode(
    node="lp-1",
    site="s",
    spool="0" * 32,
    seq=7,
    boot="b71d04c2",
    clock="synced",
    blocks=[Block("air-1", "air_quality", [1, 1001, 2003], {"pm25_raw_ugm3": [12, None, 13.5]}, {}, "p@1")],
)
PLAIN = batch.unpack(PLAIN)
TOKENS = (
    b'"',
    b":",
    b",",
    b"{",
    b"}",
    b"[",
    b"]",
    b" ",
    b"\\",
    b"\xff",
    b"1",
    b"-",
    b".",
    b"e9",
    b"NaN",
    b"null",
    b"\n",
)
WORDS = "12 12.0 -0 -0.0 1e400 NaN true null 01 1. 1_0 ١ 18446744073709551616 1e22 [] [[1]] {} 0.1e-7 9007199254740993"
TEXTS = ('{"a":1}', '"a"', '"a:b"', '"\\ud800"', '"\\u003a"', "1" * 5000, "[" * 30 + "]" * 30, "[" * 5000)


def outcome(loads, data):
    try:
        return repr(loads(data))  # tells 12 from 12.0, and the order of keys
    except strictjson.NotStrict as error:
        return type(error), str(error)


def same(data):
    assert outcome(quick_json.loads, data) == outcome(strictjson.loads, data)


@pytest.mark.parametrize("value", [*WORDS.split(" "), *TEXTS])
@pytest.mark.parametrize("place", ["12", "1001", "7", '"lp-1"', '"p@1"', "[12,null,13.5]", '"synced"'])
def test_any_value_in_any_place(value, place):
    assert place.encode() in PLAIN.replace(b"1002", b"1001") or place == "1001"
    same(PLAIN.replace(b"1002", b"1001").replace(place.encode(), value.encode(), 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":7', b'"seq":7,"seq":7'),
        (b'"seq":7', b'"seq":7,"more":{"deep":[1]}'),
        (b'"t0":1', b'"t0":1,"t0":2'),
        (b'"pm25_raw_ugm3":', b'"pm25_raw_ugm3":[1],"pm25_raw_ugm3":'),
        (b'"seq":7', b'"seq" : 7'),
        (b'"sensor"', b'"tags":{"lane":"1","lane":"1"},"sensor"'),
        (b'"sensor"', b'"tags":{"lane":"1"},"sensor"'),
        (b'"sensor":"air-1",', b""),
        (b'{"v"', b' {"v"'),
        (b'{"v"', b'\xef\xbb\xbf{"v"'),
    ],
)
def test_keys_twice_unknown_spaced_or_missing(old, new):
    assert old in PLAIN
    same(PLAIN.replace(old, new, 1))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(PLAIN)), st.integers(0, 12), st.lists(st.sampled_from(TOKENS), max_size=3).map(b"".join))
def test_any_damage(at, cut, put):
    same(PLAIN[:at] + put + PLAIN[at + cut :])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(PLAIN)), st.integers(0, len(PLAIN)), st.integers(0, len(PLAIN)))
def test_parts_that_come_twice(start, end, at):
    same(PLAIN[:at] + PLAIN[start:end] + PLAIN[at:])


def test_a_plain_batch_takes_the_quick_road(monkeypatch):
    monkeypatch.setattr(strictjson, "loads", lambda _: pytest.fail("the slow road"))
    assert quick_json.loads(PLAIN) == json.loads(PLAIN)
