"""A file of readings as tables: order, doubles, empty rows, and what it may not say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.opendata.history import History, NotHistory, read_csv, read_json_lines
from wire.check import FUTURE_MS

NOW_MS = 1_772_294_400_000  # 2026-02-28 16:00 UTC
HEAD = "time,node,site,sensor,"
PLACE = {"node": "lp-1", "site": "s", "sensor": "x"}


def _csv(columns: str, *rows: str, kind: str | None = None) -> History:
    (made,) = read_csv([f"{HEAD}{columns}\n", *(f"2026-02-{row}\n" for row in rows)], NOW_MS, kind)
    return made


def test_rows_in_any_order_become_tables_by_time_and_the_later_of_two_lines_counts() -> None:
    made = _csv(
        "temp_c", "02T01:00Z,lp-1,s,x,2", "02T00:00Z,lp-1,s,x,1", "02T00:00Z,lp-0,s,x,7", "02T01:00Z,lp-1,s,x,3"
    )
    other, table = made.tables()
    assert dict(other.tags)["node"] == "lp-0"
    assert [later - first for first, later in zip(table.times_ms, table.times_ms[1:], strict=False)] == [3_600_000]
    assert table.columns == {"temp_c": [1.0, 3.0]}


@pytest.mark.parametrize("cells", [",,,", ",60.0,,", ",60.0,1,", ",,1,count:range"])
def test_a_row_without_a_value_changes_nothing_and_is_counted(cells: str) -> None:
    """So a masked interval comes back: its length and flags are no reading."""
    row = f"02T00:00Z,lp-1,s,x,1,in,{cells}"
    made = _csv("lane,direction,count,duration_s,qc,qc_code", row, row.replace(",1,in,", ",1,in,9", 1))
    assert (made.empty, len(made.lines)) == (1, 1)


def test_the_first_twenty_wrong_lines_are_named() -> None:
    with pytest.raises(NotHistory) as refused:
        _csv("temp_c", *["02T00:00Z,lp-1,s,x,cold"] * 30)
    assert len(str(refused.value).splitlines()) == 20
    assert str(refused.value).startswith("line 2: temp_c 'cold' is no number\nline 3: ")


@pytest.mark.parametrize(("beyond_ms", "is_taken"), [(0, True), (FUTURE_MS, True), (FUTURE_MS + 1000, False)])
def test_the_future_begins_where_it_does_for_an_agent(beyond_ms: int, is_taken: bool) -> None:
    at = {"time": "2026-02-28T16:00:00Z", **PLACE, "temp_c": 1}
    asked = read_json_lines([json.dumps(at)], NOW_MS - beyond_ms)
    if is_taken:
        assert len(next(asked).lines) == 1
    else:
        with pytest.raises(NotHistory, match="in the future"):
            next(asked)


@pytest.mark.parametrize("kind", ["air_index", "weathr", "gap", "node_health"])
def test_only_readings_come_in(kind: str) -> None:
    with pytest.raises(NotHistory, match="is no kind of reading; one of air_quality"):
        _csv("temp_c", "02T00:00Z,lp-1,s,x,1", kind=kind)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"temp_c": [1]}, r"temp_c \[1\] is no number"),
        ({"temp_c": 1, "cal_id": 5}, "cal_id 5 is no text"),
        ({"temp_c": 1, "qc": 1.5}, "qc 1.5 is no whole number"),
        ({"temp_c": 1, "qc": 9}, "qc 9 is none of 1, 3, 4; of other flags leave the column out"),
        ({"temp_c": 1, "cq": -1}, "cq -1 is none of 0, 1, 2"),
        ({"temp_c": False}, "temp_c False is no number"),
    ],
)
def test_a_value_of_another_type_is_refused(more: dict[str, Any], says: str) -> None:
    line = json.dumps({"time": "2026-02-02T00:00:00Z", **PLACE, **more})
    with pytest.raises(NotHistory, match=f"line 1: {says}"):
        list(read_json_lines([line], NOW_MS))


def test_an_export_says_its_kind_however_its_comment_is_spaced() -> None:
    for mark in ("# lamppost-export/1 weather\n", "#lamppost-export/1 weather \n"):
        (made,) = read_csv([mark, f"{HEAD}qc\n", "2026-02-02T00:00Z,lp-1,s,x,1\n"], NOW_MS)
        assert (made.measurement, made.empty) == ("weather", 1)


def test_a_file_of_two_kinds_is_told_which_columns_are_of_which() -> None:
    """It said to name a kind, and then did not know the columns of the other."""
    header = "time,node,site,sensor,pm25_ugm3,rh_pct,temp_c"
    says = r"air_quality \(pm25_ugm3\) and weather \(rh_pct, temp_c\); make a file of each"
    with pytest.raises(NotHistory, match=says):
        list(read_csv([header], NOW_MS))
