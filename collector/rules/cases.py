"""Rules are tested on made-up series: a case is a course of events, and what should fire when.

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
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from collector.numbers.flags import COLUMN as FLAGS
from collector.rules.complaint import BadRules, LineOf, Path, hint, located, plain_error
from collector.rules.engine import Engine, Expected
from collector.rules.fields import INDEX_WORDS, KINDS_WATCHED, fields_of
from collector.rules.rule import Ms, Rule, SomeMs
from collector.rules.series import Series
from collector.rules.words import duration_text
from wire.times import DAY_MS, MINUTE_MS

START_MS = 1_791_000_000_000 // DAY_MS * DAY_MS
"""Midnight UTC of 2026-10-03, a Saturday, when a case names no start."""
READINGS_MAX = 100_000
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
    interval: SomeMs = MINUTE_MS
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
        _play(engine, case, turn)
        while waiting and waiting[0][0] <= turn * case.interval:
            at, expected = waiting.pop(0)
            firing = {alert.rule.alert for alert in engine.alerts() if alert.state == "firing"}
            if firing != set(expected):
                told = f"expected {_listed(expected)}, firing {_listed(firing)}"
                failures.append(f"{case.name}: at {duration_text(at)}: {told}")
    return failures


def _play(engine: Engine, case: Case, turn: int) -> None:
    """What happened since the turn before, and the readings of this one."""
    now_ms = case.start + turn * case.interval
    for link in case.links:
        if now_ms - case.interval < case.start + link.at <= now_ms:
            engine.node_state(link.node, link.online, case.start + link.at)
    for each in case.series:
        columns = {name: [column[turn]] for name, column in each.values.items() if turn < len(column)}
        if any(column[0] is not None for column in columns.values()):
            engine.observe(each.series, [now_ms], columns, now_ms)
    engine.tick(now_ms)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
