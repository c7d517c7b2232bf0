"""The report as one self-contained page: no file beside it, no request, no script; it prints as it looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collector.report.summary import Hours, StationReport
from collector.rules.rule import Rule
from collector.web import chart
from collector.web.privacy import FEW
from collector.web.words import Words
from collector.zones import midnight
from wire.quantities import QUANTITIES
from wire.times import DAY_MS, HOUR_MS

_HERE: Final = Path(__file__).parent
TABLED_MAX: Final = 100
"""Stations of a page whose hours stand in tables, too: with those of a thousand a week's page had 47 MB."""
_TEXTS: Final = {
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
    words: Words,
    names: Callable[[str], tuple[str, str] | None],
    title: str,
    rules: Mapping[str, Rule],
) -> str:
    """The whole HTML. The same reports give the same bytes. A rule that `rules` does not know is told by its name."""
    templates = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return templates.get_template("page.html").render(
        reports=reports,
        overview=sorted(reports, key=_overlooked),
        tabled_max=TABLED_MAX,
        title=title,
        first_ms=span[0],
        last_ms=span[1] - 1,
        day_ms=DAY_MS,
        quantities=QUANTITIES,
        w=words,
        p=_Page(span, words, names, rules),
    )


class _Page:
    """What the template asks for that the pages' `Words` do not know."""

    def __init__(
        self,
        span: tuple[int, int],
        words: Words,
        names: Callable[[str], tuple[str, str] | None],
        rules: Mapping[str, Rule],
    ) -> None:
        self._span, self._marks = span, _marks(span, words.zone)
        self._words, self._names, self._rules = words, names, rules

    def say(self, key: str, **parts: object) -> str:
        """A text of the report alone."""
        return self._words.pick(*_TEXTS[key]).format(**parts)

    def name(self, node: str) -> str:
        """What a station is called, by default as its node."""
        return self._words.pick(*self._names(node) or (node, node))

    def alarm(self, rule: str) -> str:
        """What an alert says."""
        known = self._rules.get(rule)
        return rule if known is None else self._words.pick(known.text.zh, known.text.en)

    def unit(self, rule: str) -> str:
        """Of an alert's value; empty where it is none of a quantity."""
        spec = self._rules[rule].spec if rule in self._rules else None
        return QUANTITIES[spec.quantity].unit if spec is not None and spec.quantity in QUANTITIES else ""

    def air(self, sensors: list[Hours]) -> chart.Chart:
        """A line a sensor."""
        frame = chart.Frame(*self._span, ticks=self._marks)
        return chart.lines([(hours.label, hours.points) for hours in sensors], frame, 2 * HOUR_MS)

    def traffic(self, report: StationReport) -> chart.Chart:
        """A bar an hour."""
        windows: list[tuple[int, Any]] = [(time_ms, count) for time_ms, count in report.vehicles]
        return chart.bars(windows, HOUR_MS, chart.Frame(*self._span, ticks=self._marks), FEW - 1)


def _overlooked(report: StationReport) -> tuple[bool, float]:
    """What a reader of many stations must not miss comes first: who measured nothing, then the highest means."""
    return bool(report.air or report.vehicles), 0.0 if report.pm25 is None else -report.pm25.mean


def _marks(span: tuple[int, int], zone: ZoneInfo) -> list[tuple[int, str]]:
    """Every sixth hour of one day, or the midnights of several, of a month every fifth, by the city's clock."""
    days, is_month = span[1] - span[0] > 25 * HOUR_MS, span[1] - span[0] > 8 * DAY_MS
    first = midnight(span[0], zone)
    step, form = (timedelta(5 if is_month else 1), "%m-%d") if days else (timedelta(hours=6), "%H:%M")
    times = [first + n * step for n in range(1, 32)]
    marks = [(round(moment.timestamp() * 1000), moment.strftime(form)) for moment in times]
    return [mark for mark in marks if span[0] < mark[0] < span[1]]
