"""The report as one self-contained page: no file beside it, no request, no script; it prints as it looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collector.report.summary import Hours, Index, StationReport
from collector.rules.rule import Rule
from collector.rules.words import reading
from collector.web import chart
from collector.web.levels import called
from collector.web.privacy import FEW
from collector.web.words import TEXTS, Language
from collector.zones import clock, day_and_clock, midnight
from wire.quantities import QUANTITIES
from wire.times import DAY_MS, HOUR_MS

_HERE: Final = Path(__file__).parent
TABLED_MAX: Final = 100
"""Stations of a page whose hours stand in tables, too: with those of a thousand a week's page had 47 MB."""
WORDS: Final = {
    "title": ("监测报告", "Report"),
    "notice": (
        "小型传感器的参考数据，不是官方空气质量指数。",
        "Indicative readings from small sensors, not the official index.",
    ),
    "how": (
        "均值和最高值取自有效小时（至少 45 分钟有数据）；传感器报数太少、没有有效小时的，取全部小时。"
        "每小时车辆数按观测时间折算，取整到十。",
        "Means and highest values are of valid hours, with data in 45 minutes or more; of all hours where a sensor"
        " reports too seldom for any. Vehicles an hour are by the time that was watched, in tens.",
    ),
    "mean": ("均值", "mean"),
    "highest": ("最高", "highest"),
    "complete": ("数据完整率 {n}%", "{n} % complete"),
    "vehicles": ("车辆数（每小时）", "vehicles an hour"),
    "total": ("合计 {n} 辆", "{n} in all"),
    "few": ("斜纹：少于 5 辆", "hatched: fewer than 5"),
    "index": ("指数", "Index"),
    "day": ("日期", "Day"),
    "standard": ("标准", "Standard"),
    "category": ("类别", "Category"),
    "primary": ("首要污染物", "Primary pollutant"),
    "none": ("这段时间没有空气和车流数据。", "No air and no traffic was measured in this time."),
    "table": ("数据表", "as a table"),
    "hour": ("时间", "Hour"),
    "overview": ("概览", "Overview"),
    "overview_how": (
        "没有数据的站点在前，其余按 PM2.5 均值从高到低；一个站点有多个传感器的，取均值最高的。",
        "Stations without data first, then those of the highest PM2.5; of several sensors the one of the highest mean.",
    ),
    "untabled": (
        "站点超过 {n} 个，不附逐小时数据表；逐小时数据请用 lamppost export 导出。",
        "Of more than {n} stations there are no tables by the hour: lamppost export has these values.",
    ),
    "share": ("数据完整率", "Complete"),
    "fired": ("告警次数", "Alerts"),
}


def render(
    reports: Sequence[StationReport],
    span: tuple[int, int],
    zone: ZoneInfo,
    language: Language,
    names: Callable[[str], tuple[str, str] | None],
    title: str,
    rules: Mapping[str, Rule],
) -> str:
    """The whole HTML. The same reports give the same bytes. A rule that `rules` does not know is told by its name."""
    templates = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    chinese = language == "zh"

    def name(node: str) -> str:
        known = names(node)
        return node if known is None else known[0 if chinese else 1]

    def say(word: str, **parts: object) -> str:
        return WORDS[word][0 if chinese else 1].format(**parts)

    def known(word: str) -> str:
        return TEXTS[word][0 if chinese else 1] if word in TEXTS else word

    def alarm(rule: str) -> str:
        return rule if rule not in rules else rules[rule].text.zh if chinese else rules[rule].text.en

    def unit(rule: str) -> str:
        spec = rules[rule].spec if rule in rules else None
        return QUANTITIES[spec.quantity].unit if spec is not None and spec.quantity in QUANTITIES else ""

    def category(index: Index) -> str:
        return called(index.standard, index.level, index.category)[0 if chinese else 1]

    marks = _marks(span, zone)
    return templates.get_template("page.html").render(
        reports=reports, overview=sorted(reports, key=_overlooked), tabled_max=TABLED_MAX,
        title=title, say=say, known=known, category=category, name=name, language=language,
        alarm=alarm, unit=unit, reading=reading, brackets=lambda text: known("in_brackets").format(text=text),
        quantities=QUANTITIES, from_=clock(span[0], zone, "%Y-%m-%d"), to=clock(span[1] - 1, zone, "%Y-%m-%d"),
        zone=zone.key,
        at=lambda time_ms: day_and_clock(time_ms, zone), day=lambda time_ms: clock(time_ms, zone, "%Y-%m-%d"),
        air=lambda sensors: _air(sensors, span, marks), traffic=lambda report: _traffic(report, span, marks),
        english=lambda quantity: quantity.zh if chinese else quantity.en,
    )  # fmt: skip


def _overlooked(report: StationReport) -> tuple[bool, float]:
    """What a reader of many stations must not miss comes first: who measured nothing, then the highest means."""
    return bool(report.air or report.vehicles), 0.0 if report.pm25 is None else -report.pm25.mean


Marks = list[tuple[int, str]]


def _air(sensors: list[Hours], span: tuple[int, int], marks: Marks) -> chart.Chart:
    return chart.lines([(hours.label, hours.points) for hours in sensors], chart.Frame(*span, ticks=marks), 2 * HOUR_MS)


def _traffic(report: StationReport, span: tuple[int, int], marks: Marks) -> chart.Chart:
    windows: list[tuple[int, Any]] = [(time_ms, count) for time_ms, count in report.vehicles]
    return chart.bars(windows, HOUR_MS, chart.Frame(*span, ticks=marks), FEW - 1)


def _marks(span: tuple[int, int], zone: ZoneInfo) -> Marks:
    """Every sixth hour of one day, or the midnights of several, of a month every fifth, by the city's clock."""
    days, is_month = span[1] - span[0] > 25 * HOUR_MS, span[1] - span[0] > 8 * DAY_MS
    first = midnight(span[0], zone)
    step, form = (timedelta(5 if is_month else 1), "%m-%d") if days else (timedelta(hours=6), "%H:%M")
    times = [first + n * step for n in range(1, 32)]
    marks = [(round(moment.timestamp() * 1000), moment.strftime(form)) for moment in times]
    return [mark for mark in marks if span[0] < mark[0] < span[1]]
