"""Rules can be rehearsed: against made-up series with expected alerts, against stored history, and one value explained.

    - name: an hour of haze                      # after promtool's manner
      interval: 1m                               # of the readings, and of the clock
      rules: [pm25-hourly-high]                  # leave out to expect of all rules
      series:
        - {kind: air_quality, site: east, node: lp-1, sensor: air-1, values: {pm25_ugm3: "90x75 10x90"}}
      links:
        - {node: lp-1, at: 30m, online: false}
      expect:
        45m: []                                  # firing at that time, these and no others
        75m: [pm25-hourly-high]

Values: `12` one reading, `12x30` thirty of them, `10+5x4` is 10 15 20 25, `_` none, `_x30` thirty times none. Other
words stand for themselves, as in `优x30`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from operator import itemgetter
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from collector.numbers.flags import COLUMN as FLAGS
from collector.rules import derived
from collector.rules.complaint import BadRules, LineOf, Path, hint, located, plain_error
from collector.rules.engine import Engine, Expected
from collector.rules.fields import INDEX_WORDS, KINDS_WATCHED, fields_of
from collector.rules.recent import Columns
from collector.rules.reel import Reel
from collector.rules.rule import Ms, Rule, SomeMs
from collector.rules.track import Track
from collector.rules.transition import Episode, Series, Transition, episodes, names_of
from collector.rules.words import duration_text, reading

START_MS = 1_791_000_000_000 // 86_400_000 * 86_400_000
"""Midnight UTC of 2026-10-03, a Saturday, when a case names no start."""
READINGS_MAX = 100_000
SLICE_MS = 3_600_000
"""History comes in slices of so long, aligned to the clock; within one, series after series."""
MINUTE_MS = 60_000
Rows = tuple[Series, list[int], Columns]
"""Rows of one series."""
_RUN = re.compile(r"(?P<first>-?[0-9.]+)(?:(?P<step>[+-][0-9.]+)(?=x))?(?:x(?P<times>[0-9]{1,6}))?", re.ASCII)
_WORD = re.compile(r"(?P<word>.+?)(?:x(?P<times>[0-9]{1,6}))?")


def readings(text: object) -> list[float | str | None]:
    """The column of a values text. Raises ValueError."""
    found: list[float | str | None] = []
    for part in str(text).split():
        run = _RUN.fullmatch(part)
        parsed = run or _WORD.fullmatch(part)
        times = int((parsed and parsed["times"]) or 1)
        if len(found) + times > READINGS_MAX:
            raise ValueError(f"more than {READINGS_MAX} readings")
        if run is not None:
            first, step = float(run["first"]), float(run["step"] or 0)
            found += [round(first + i * step, 9) for i in range(times)]
        elif parsed is not None:
            found += [None if parsed["word"] == "_" else parsed["word"]] * times
    return found


def _when(value: object) -> int:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is not a time, such as 2026-10-03T08:00:00+08:00") from error
    if at.tzinfo is None:
        raise ValueError(f"{value!r} names no time zone, such as 2026-10-03T08:00:00+08:00")
    return int(at.timestamp() * 1000)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FakeSeries(_Strict):
    """One series of a case: tags and, by field, its readings from the start."""

    kind: str
    site: str = "site"
    node: str = "node"
    sensor: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    values: dict[str, Annotated[list[float | str | None], BeforeValidator(readings)]] = Field(default_factory=dict)

    @property
    def series(self) -> Series:
        """Its name in the engine."""
        return Series.of(self.kind, {"site": self.site, "node": self.node, "sensor": self.sensor, **self.tags})


class Link(_Strict):
    """A node's link (or `collector`, our own) goes up or down."""

    node: str
    at: Ms = 0
    online: bool


class Case(_Strict):
    """One made-up course of events and what should fire when."""

    name: str
    start: Annotated[int, BeforeValidator(_when)] = START_MS
    interval: SomeMs = 60_000
    rules: tuple[str, ...] | None = None
    series: tuple[FakeSeries, ...]
    links: tuple[Link, ...] = ()
    expect: dict[Ms, tuple[str, ...]]


def parse_cases(
    data: object, where: str = "rule tests", line_of: LineOf | None = None, rules: Iterable[str] | None = None
) -> list[Case]:
    """The cases of a loaded file, about these rules. Raises BadRules with one line for each thing wrong."""
    names = None if rules is None else list(rules)
    if not isinstance(data, list):
        raise BadRules([f"{where}: rule tests are a list, each beginning with - name: WORDS"])
    cases: list[Case] = []
    problems: list[str] = []
    for index, raw in enumerate(data):
        title = str(raw.get("name", f"test {index + 1}")) if isinstance(raw, dict) else f"test {index + 1}"
        try:
            case = Case.model_validate(raw)
            cases.append(case)
            found = list(_unknown_in(case, names))
            problems += [located(where, line_of, (index, *path), title, text) for path, text in found]
        except ValidationError as error:
            known = {name for model in (Case, FakeSeries, Link) for name in model.model_fields}
            for path, text in (plain_error(each, sorted(known)) for each in error.errors()):
                problems.append(located(where, line_of, (index, *path), title, text))
    if problems:
        raise BadRules(problems)
    return cases


def _unknown_in(case: Case, rules: list[str] | None) -> Iterable[tuple[Path, str]]:
    """Rules, kinds and quantities that there are not: a test about nothing would pass."""
    if rules is not None:
        named = [(("rules",), name) for name in case.rules or ()]
        named += [(("expect",), name) for expected in case.expect.values() for name in expected]
        for path, name in dict.fromkeys(named):
            if name not in rules:
                yield path, f"there is no rule {name!r}{hint(name, rules)}"
    for index, each in enumerate(case.series):
        if each.kind not in KINDS_WATCHED:
            yield ("series", index, "kind"), f"unknown kind {each.kind!r}{hint(each.kind, KINDS_WATCHED)}"
            continue
        known = (*fields_of(each.kind), FLAGS, "duration_s")
        for name, column in each.values.items():
            word = next((value for value in column if isinstance(value, str)), None)
            if name not in known:
                yield ("series", index, "values", name), f"{each.kind} has no quantity {name!r}{hint(name, known)}"
            elif word is not None and name not in INDEX_WORDS:
                yield ("series", index, "values", name), f"{word!r} is no number, write 12, 12x30, 10+5x4 or _"


def rehearse(case: Case, rules: Iterable[Rule]) -> list[str]:
    """Play a case; one sentence for each time at which something else fired than was expected."""
    rules = list(rules)
    unknown = set(case.rules or ()).union(*case.expect.values()) - {rule.alert for rule in rules}
    if unknown:
        return [f"{case.name}: there is no rule {name!r}" for name in sorted(unknown)]
    engine = Engine(rule for rule in rules if case.rules is None or rule.alert in case.rules)
    engine.expect([Expected(each.series, case.interval, each.labels) for each in case.series], case.start)
    failures: list[str] = []
    waiting = sorted(case.expect.items())
    for turn in range((max(case.expect, default=0) + case.interval - 1) // case.interval + 1):
        now_ms = case.start + turn * case.interval
        for link in case.links:
            if now_ms - case.interval < case.start + link.at <= now_ms:
                engine.node_state(link.node, link.online, case.start + link.at)
        for each in case.series:
            columns = {name: [column[turn]] for name, column in each.values.items() if turn < len(column)}
            if any(column[0] is not None for column in columns.values()):
                engine.observe(each.series, [now_ms], columns, now_ms)
        engine.tick(now_ms)
        while waiting and waiting[0][0] <= turn * case.interval:
            at, expected = waiting.pop(0)
            firing = {alert.rule.alert for alert in engine.alerts() if alert.state == "firing"}
            if firing != set(expected):
                told = f"expected {_listed(expected)}, firing {_listed(firing)}"
                failures.append(f"{case.name}: at {duration_text(at)}: {told}")
    return failures


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


@dataclass(frozen=True, slots=True)
class Backtest:
    """What one rule would have done on stored history. `pages` are the episodes people would have been called for."""

    rule: str
    episodes: list[Episode]
    rows: int
    until_ms: int

    @property
    def pages(self) -> int:
        """How often people would have been called."""
        return len(self.episodes)

    @property
    def firing_ms(self) -> int:
        """How long it fired altogether; what never ended does not count."""
        return sum(each.end_ms - each.fired_ms for each in self.episodes if each.end_ms is not None)

    @property
    def still_ms(self) -> int:
        """How long, until the end of what was played, those have fired that never ended."""
        return sum(self.until_ms - each.fired_ms for each in self.episodes if each.end_ms is None)


def backtest(
    rules: Iterable[Rule],
    history: Iterable[Rows],
    inventory: Iterable[Expected],
) -> list[Backtest]:
    """Play stored rows, each series in order of time, slices of SLICE_MS one after the other; one Backtest a rule."""
    rules, expected = list(rules), list(inventory)
    engine = Engine(rules)
    said: list[Transition] = []
    rows = newest_ms = 0
    if any(rule.joined for rule in rules):
        history = _by_minute(history)
    for series, times_ms, columns in history:
        came_ms = times_ms[-1] + _comes_after_ms(series, columns)
        if not newest_ms:
            engine.expect(expected, times_ms[0])
        elif came_ms // MINUTE_MS > newest_ms // MINUTE_MS:
            said += engine.tick(newest_ms)
        newest_ms = max(newest_ms, came_ms)
        rows += len(times_ms)
        engine.observe(series, times_ms, columns, newest_ms)
    said += engine.tick(newest_ms)
    found = episodes(said)
    return [Backtest(rule.alert, [e for e in found if e.rule == rule.alert], rows, newest_ms) for rule in rules]


def _by_minute(history: Iterable[Rows]) -> Iterator[Rows]:
    """Minute by minute what came of all series: rules that compare look at all of them as they stood."""
    waiting: list[tuple[int, Rows]] = []
    for slice_, parts in groupby(history, key=lambda part: part[1][0] // SLICE_MS):
        waiting = sorted(chain(waiting, *map(_minutes, parts)), key=itemgetter(0))
        come = bisect_left(waiting, (slice_ + 1) * SLICE_MS // MINUTE_MS, key=itemgetter(0))
        yield from (part for _, part in waiting[:come])
        del waiting[:come]
    yield from (part for _, part in waiting)


def _minutes(part: Rows) -> Iterator[tuple[int, Rows]]:
    """The rows of one series by the minute in which they came."""
    series, times, columns = part
    after_ms, start = _comes_after_ms(series, columns), 0
    while start < len(times):
        minute = (times[start] + after_ms) // MINUTE_MS
        end = bisect_left(times, (minute + 1) * MINUTE_MS - after_ms, start + 1)
        yield minute, (series, times[start:end], {name: column[start:end] for name, column in columns.items()})
        start = end


def _comes_after_ms(series: Series, columns: Columns) -> int:
    """How long after its time a row came: one that tells of a span of time when that was over."""
    lengths = columns.get("duration_s") or [0]
    return derived.wait_ms(series) + (derived.interval_ms(series) or int(1000 * (lengths[0] or 0)))


class Explanation(NamedTuple):
    """One rule on one series at one time, in numbers and in words."""

    state: str
    value: float | None
    share: float
    start_ms: int | None
    text_zh: str
    text_en: str


def explain(
    rule: Rule,
    series: Series,
    history: Iterable[tuple[list[int], Columns]],
    at_ms: int,
    interval_ms: int | None = None,
    zone: str = "UTC",
    standing: Transition | None = None,
) -> Explanation:
    """Why `rule` stood as it stood at `at_ms`, from the series' rows up to then; times are shown in `zone`.

    `standing`: the episode that fired already when these rows begin.
    """
    if rule.spec is None or rule.joined:
        raise ValueError(f"{rule.alert} looks at more than this series' values, and cannot be explained from them")
    engine = Engine([rule])
    engine.expect([Expected(series, interval_ms)] if interval_ms is not None else [], at_ms)
    engine.adopt([] if standing is None else [standing])
    for times_ms, columns in history:
        end = next((i for i, t in enumerate(times_ms) if t > at_ms), len(times_ms))
        engine.observe(series, times_ms[:end], {name: c[:end] for name, c in columns.items()}, at_ms)
    reel = engine.reel(series)
    if reel is None:
        return Explanation("inactive", None, 0.0, None, "规则不看这个序列", "the rule does not watch this series")
    return _explained(rule, reel, at_ms, ZoneInfo(zone))


def _explained(rule: Rule, reel: Reel, at_ms: int, zone: ZoneInfo) -> Explanation:
    assert rule.spec is not None
    reel.wake()
    index = reel.plan.place(rule.spec)
    window = reel.windows[index]
    window.roll(max(at_ms, reel.head_ms))
    value, share = window.value(), window.share(max(at_ms, reel.head_ms), reel.interval_ms)
    track = reel.tracks[index].get(rule.alert)
    state = "inactive" if track is None else "pending" if track.fired_ms is None else "firing"
    name_zh, name_en, unit = names_of(rule.spec, rule.limit.percent)
    shown = "-" if value is None else f"{reading(value)}{unit}"
    zh = f"{name_zh} = {shown}（有效 {share:.0%}，至少 {rule.complete:.0%}）"
    en = f"{name_en} = {shown} ({share:.0%} of the window valid, at least {rule.complete:.0%})"
    wait_zh = f"，持续 {duration_text(rule.for_)}" if rule.for_ else ""
    wait_en = f" for {duration_text(rule.for_)}" if rule.for_ else ""
    keep_zh = f"，持续 {duration_text(rule.keep_firing_for)}" if rule.keep_firing_for else ""
    keep_en = f" for {duration_text(rule.keep_firing_for)}" if rule.keep_firing_for else ""
    word_zh = {"inactive": "未触发", "pending": "待定", "firing": "告警"}[state]
    since_zh, since_en = _since(track, zone)
    text_zh = f"{zh}   触发 {rule.limit}{wait_zh}{since_zh} -> {word_zh}\n解除 {rule.clear_limit}{keep_zh}"
    text_en = f"{en}   raise {rule.limit}{wait_en}{since_en} -> {state.upper()}\nclears {rule.clear_limit}{keep_en}"
    return Explanation(state, value, share, None if track is None else track.start_ms, text_zh, text_en)


def _since(track: Track | None, zone: ZoneInfo) -> tuple[str, str]:
    if track is None:
        return "", ""
    clock = datetime.fromtimestamp(track.start_ms / 1000, zone).strftime("%H:%M")
    return f"，始于 {clock}", f", since {clock}"
