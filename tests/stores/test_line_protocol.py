"""What is written as line protocol can be read back: every value, exactly, whatever its column looks like."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.stores.line_protocol import lines
from collector.stores.store import Table

TAGS = (("node", "lp-0017"), ("site", "a b,c=d"), ("unit", "%d"))
_FIELD = re.compile(r'([a-z0-9_]+)=("(?:[^"\\]|\\.)*"|[^,]+)(?:,|$)', re.DOTALL)

_whole = st.integers(-(2**63) + 1, 2**63 - 1)
_decimal = st.floats(allow_nan=False, allow_infinity=False)
_number = st.one_of(st.integers(-1000, 100_000), st.integers(0, 10_000).map(lambda n: n / 100), _decimal)
_word = st.sampled_from(["identity", 'say "%s"', "a\\b", "二氧化氮, 100 %", ""])


def _columns(rows: int) -> st.SearchStrategy[dict[str, list[Any]]]:
    def column(value: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        with_gaps = st.one_of(value, st.none())
        same = value.map(lambda it: [it] * rows)
        return st.one_of(*(st.lists(it, min_size=rows, max_size=rows) for it in (value, with_gaps)), same)

    return st.fixed_dictionaries(
        {"always": column(_number).filter(lambda it: None not in it)},
        optional={
            "pm25": column(_number),
            "n": column(st.integers(0, 70_000)),
            "whole": column(_whole),
            "word": column(_word),
        },
    )


def _read(line: str) -> tuple[str, dict[str, Any], int]:
    end = _end_of(line)
    fields, _, time_ns = line[end + 1 :].rpartition(" ")
    return line[:end], {name: _value(text) for name, text in _FIELD.findall(fields)}, int(time_ns)


def _end_of(line: str) -> int:
    """Where measurement and tags end: the first blank that is not escaped."""
    found = re.search(r"(?<!\\) ", line)
    assert found is not None
    return found.start()


def _value(text: str) -> Any:
    if text.startswith('"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return ("whole", int(text[:-1])) if text.endswith("i") else float(text)


@given(st.integers(1, 6).flatmap(lambda rows: st.tuples(st.just(rows), _columns(rows))))
def test_every_value_that_is_there_can_be_read_back_and_nothing_else(story: tuple[int, dict[str, list[Any]]]) -> None:
    rows, columns = story
    times = [1_790_000_000_000 + 1000 * row for row in range(rows)]
    table = Table("air_quality", TAGS, times, columns, frozenset({"whole"}), 7)

    written = [_read(line.decode()) for line in lines(table)]

    assert [(head, time_ns) for head, _, time_ns in written] == [
        (r"air_quality,node=lp-0017,site=a\ b\,c\=d,unit=%d", time_ms * 1_000_000 + 7) for time_ms in times
    ]
    assert [fields for _, fields, _ in written] == [
        {name: _as_stored(name, column[row]) for name, column in columns.items() if column[row] is not None}
        for row in range(rows)
    ]


def _as_stored(name: str, value: Any) -> Any:
    return value if type(value) is str else ("whole", value) if name == "whole" else float(value)
