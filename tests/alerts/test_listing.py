"""The list of alerts at a terminal: no line is too wide, nothing is left out, forty red lamps are a few heaps."""

from __future__ import annotations

from typing import Any

import pytest

from collector.alerts.listing import Row, listing
from wire.both import LANGUAGES, Both, Language
from wire.cells import width_of
from wire.times import MINUTE_MS

NOW = 1_795_700_000_000
PM25 = {"rule": "pm25-hourly-high", "value": 91.4, "unit": "µg/m³", "limit": "> 75"}


def row(number: int, **values: Any) -> Row:
    node = f"lp-{number:04d}"
    named: Row = {
        "id": f"a-{number:03x}", "fingerprint": f"{number:016x}", "severity": "major", "since_ms": NOW - 12 * MINUTE_MS,
        "station": f"建国路东口 {node} air-1", "station_zh": "建国路东口", "node": node, "rule": "air-sensor-silent",
        "value": None, "unit": "", "limit": "", "state": "FIRING", "flapping": False, "who": "-",
    }  # fmt: skip
    return named | values


NIGHT = [
    *(row(n, **PM25 | {"value": 80.0 + n, "since_ms": NOW - n * MINUTE_MS}) for n in range(1, 31)),
    *(row(77, rule=f"gb-{what}-1h", fingerprint=f"77{what}", id=f"a-7{what}", station_zh="学院路") for what in "abcd"),
    row(90, severity="critical", rule="node-lost"),
    row(91, state="SILENT", who="follows from a-05a"),
    row(92, state="SILENT", who='li "street works" until 11-26 22:33'),
    row(93, state="ACKED", who='王磊 "现场处理" until 11-26 22:33'),
    row(94, state="RESOLVED", **PM25),
    row(95, flapping=True, value=53.66667, unit="%", limit="> 20%"),
]


@pytest.mark.parametrize("width", [40, 60, 89, 90, 120, 10_000])
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_is_wider_than_the_terminal(width: int, each: bool, language: Language) -> None:
    lines = listing(NIGHT, NOW, width, each, language)
    assert max(map(width_of, lines)) <= width
    if width >= 60:
        text = "\n".join(lines)
        assert all(one["id"] in text for one in NIGHT), "every alert can be acknowledged from what is shown"


def test_a_table_is_shown_where_it_just_fits() -> None:
    rows = [row(1, **PM25, who="王磊 until 11-26 22:33")]
    wide = max(map(width_of, listing(rows, NOW)[:2]))
    assert listing(rows, NOW, wide)[:2] == listing(rows, NOW)[:2]
    narrower = listing(rows, NOW, wide - 1)
    assert narrower[0].split()[-1] == "VALUE"
    assert narrower[2] == "  王磊 until 11-26 22:33"
    narrow = max(map(width_of, narrower[:2]))
    assert listing(rows, NOW, narrow)[:3] == narrower[:3]
    assert listing(rows, NOW, narrow - 1)[0] == "a-001  FIRING  major  12 min  建国路东口 lp-0001 air-1"


def test_a_sign_that_nobody_can_guess_is_explained_where_it_stands() -> None:
    assert "~ flapping; told again when it is calm" in listing(NIGHT, NOW, 120)
    assert "~" not in "".join(listing([one for one in NIGHT if not one["flapping"]], NOW, 120))


def test_a_bad_night_is_a_few_heaps_and_the_worst_comes_first() -> None:
    lines = listing(NIGHT, NOW, 120)
    rows = [line for line in lines if line.startswith("a-05")]
    assert rows[0].startswith("a-05a  FIRING    critical  12 min")
    assert lines[1] == rows[0], "one critical alert is not lost behind thirty others"
    heads = [line for line in lines if " FIRING major  " in line and not line.startswith("a-")]
    assert (
        heads[0]
        == "pm25-hourly-high  FIRING major  30 stations, began at 81 to 110 µg/m³ (> 75), since 1 min to 30 min"
    )
    assert "a-001 建国路东口 lp-0001 81, a-002" in "\n".join(lines)
    assert any(line.startswith("学院路  FIRING major  4 alerts, since 12 min") for line in lines)
    assert len(lines) < 30
    assert "began at 53.67% (> 20%)" in next(line for line in lines if "a-05f" in line)
    assert '王磊 "现场处理" until 11-26' in "\n".join(lines)
    assert lines[-1].startswith("39 firing: 36 open, 1 acknowledged, 2 silenced.     lamppost alerts ack a-05a")


def test_what_fires_at_many_stations_is_acknowledged_by_its_rule() -> None:
    storm = [row(n, **PM25) for n in range(1, 41)]
    assert listing(storm, NOW)[-1].endswith('lamppost alerts ack rule=pm25-hourly-high -m "..."')
    assert listing(storm[:3], NOW)[-1].endswith('lamppost alerts ack a-001 -m "..."')


def test_few_alerts_are_a_table_and_none_is_a_sentence() -> None:
    lines = listing([row(1, **PM25)], NOW, 120)
    assert lines[0].split() == ["ID", "STATE", "SEV", "SINCE", "STATION", "RULE", "VALUE", "WHO"]
    assert "91.4 µg/m³ (> 75)" in lines[1]
    assert listing([], NOW, 60) == ["0 firing: 0 open, 0 acknowledged, 0 silenced."]


def test_the_list_reads_in_chinese_and_its_columns_stand() -> None:
    rows = [
        row(1, **PM25),
        row(2, state="ACKED", flapping=True, who=Both("王磊 until 11-26 22:33", "王磊 至 11-26 22:33")),
    ]
    head, first, second, flapping, foot = listing(rows, NOW, language="zh")
    assert head.split() == ["编号", "状态", "级别", "持续", "站点", "规则", "数值", "处理人"]
    assert first.split("  ")[1:5] == ["告警中", " 重要", "12 分钟", "建国路东口 lp-0001 air-1"]
    assert "触发时 91.4 µg/m³（阈值 > 75）" in first
    assert second.endswith("王磊 至 11-26 22:33")
    begins = [width_of(line[: line.index(word)]) for line, word in ((head, "站点"), (first, "建国"), (second, "建国"))]
    assert len(set(begins)) == 1
    assert (flapping, foot[:31]) == (
        "~ 反复触发，平静后再通知",
        "告警中 2 条：待处理 1，已确认 1，已静默 0。     lampp"[:31],
    )
    storm = "\n".join(listing(NIGHT, NOW, 120, language="zh"))
    assert "告警中 重要  30 个站点，触发时 81 至 110 µg/m³（阈值 > 75），已 1 分钟至 30 分钟" in storm
