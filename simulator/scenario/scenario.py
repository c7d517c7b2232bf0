"""A scenario: one YAML file over a closed vocabulary. `library/` holds those that come with the simulator.

title: {zh: 除夕烟花, en: "Fireworks night: PM2.5 past 600 µg/m³ within an hour, and the alerts that belong to it"}
start: "2026-02-16T20:00"          # local time of the city
duration: 10h
stations: 5
sensors: {air-1: {model: plantower-pms5003, period_s: 10}, radar-1: {model: omnipresense-ops243a}}
events: [{kind: fireworks, at: "23:00", for: 4h, strength: 1.2}]
faults: ["bitflip@0.002", "broker-down:600@02:00"]
rules: [{alert: pm25-high, ...}]    # as the collector's rules
expect:
  missing: [line]                  # causes by which readings may be missing; none is the rule
  alerts: [{alert: pm25-high, between: 23:00-01:00}]
small: {stations: 2, duration: 7h}  # how the tests run it
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from collector.alerts.loading import rules_in
from common.field_types import Name
from common.strict_model import Strict, fit, misplaced, word
from common.strict_yaml import read
from device_profiles.catalogue import load as load_profiles
from firmware_stubs.models import MODELS
from simulator.city.city import UTC_OFFSET_H, City
from simulator.city.events import EVENTS, Event
from simulator.city.replayed import Replayed
from simulator.scenario import times
from simulator.scenario.faults import Order, parse

LIBRARY = Path(__file__).with_name("library")
CAUSES = (
    "line", "agent-off", "uncommitted", "unplugged", "swapped", "warming_up", "settling", "stale", "unfit",
    "gap-record",
)  # fmt: skip


def _length(text: str) -> str:
    times.seconds(text)
    return text


def _start(text: str) -> str:
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time such as 2026-03-16T06:30") from None
    if start.tzinfo is not None:
        raise ValueError("a time on the city's own clock is wanted, without an offset")
    if not 1970 < start.year < 2200:
        raise ValueError("a year from 1971 to 2199 is wanted: databases count nanoseconds in 64 bits")
    return text


def _one_of(known: Collection[str]) -> AfterValidator:
    def checked(text: str) -> str:
        if text not in known:
            raise ValueError(word(text, known))
        return text

    return AfterValidator(checked)


@cache
def _takes_period(model: str) -> bool:
    return "period_s" in signature(MODELS[model]).parameters


@cache
def _is_asked(model: str) -> bool:
    profile = load_profiles().get(model)
    return bool(profile.modes[profile.mode].ask)


Length = Annotated[str, AfterValidator(_length)]
Start = Annotated[str, AfterValidator(_start)]


class Words(Strict):
    """One line in both languages."""

    zh: str
    en: str


class SensorOf(Strict):
    """A sensor of every station: a model with a stub, how often it speaks where that can be set, and its mode."""

    model: Annotated[str, _one_of(MODELS)]
    period_s: float | None = Field(default=None, gt=0, le=3600)
    mode: str | None = None

    @property
    def speaks_every(self) -> bool:
        """Whether the period is the sensor's own; a polled model is asked so often instead."""
        return _takes_period(self.model)

    @property
    def tells_lengths(self) -> bool:
        """Whether it says how long a vehicle is."""
        return self.mode == "objects"

    @model_validator(mode="after")
    def _can_do_that(self) -> SensorOf:
        if self.mode is not None and self.mode not in (modes := load_profiles().get(self.model).modes):
            raise ValueError(f"{self.model}: mode {word(self.mode, modes)}")
        if self.period_s is not None and not self.speaks_every and not _is_asked(self.model):
            raise ValueError(f"{self.model} speaks as often as it will: leave period_s out")
        return self


class EventOf(Strict):
    """Something that happens to the city."""

    kind: Annotated[str, _one_of(EVENTS)]
    at: str
    lasts: Length = Field(alias="for")
    strength: float = Field(default=1.0, gt=0, le=10)
    rise: Length = "30m"


class ReplayOf(Strict):
    """Real data instead of the city's own: a shipped slice (beijing, london, i94) or a CSV, from a time of its own."""

    file: str
    starts: Start = Field(alias="from")


class AlertOf(Strict):
    """Alerts that must be raised: on each node named (all when none is), at each sensor named, within a time."""

    alert: str
    nodes: list[str] = Field(default=[])
    sensors: list[str] = Field(default=[])
    between: str
    times: int = Field(default=1, ge=1, le=1000)


class Expect(Strict):
    """The right verdict: why readings may be missing, which alerts there are, and how long the last may take."""

    missing: list[Literal[CAUSES]] = Field(default=[])  # type: ignore[valid-type]
    some_missing: bool = False
    alerts: list[AlertOf] = Field(default=[])


class Small(Strict):
    """How the tests run it: the same story, told shorter."""

    stations: int | None = Field(default=None, ge=1)
    duration: Length | None = None


class Scenario(Strict):
    """Everything about one run but its seed."""

    title: Words
    start: Start
    duration: Length
    stations: int = Field(default=3, ge=1, le=100_000)
    sensors: dict[Name, SensorOf]
    seal_s: float = Field(default=30.0, ge=1, le=60)
    interval_s: int = Field(default=60, ge=1, le=3600)
    spool_bytes: int | None = Field(default=None, ge=50_000)
    hostile: bool = False
    replay: list[ReplayOf] = Field(default=[])
    events: list[EventOf] = Field(default=[])
    faults: list[str] = Field(default=[])
    rules: list[dict[str, Any]] = Field(default=[])
    expect: Expect = Expect()
    small: Small = Small()

    @model_validator(mode="after")
    def _times_fit(self) -> Scenario:
        timed: tuple[tuple[tuple[str, ...], Callable[[Any], object], Sequence[Any]], ...] = (
            (("events",), self._event, self.events),
            (("faults",), self._order, self.faults),
            (("expect", "alerts"), self._span, self.expect.alerts),
        )
        for where, read_one, many in timed:
            for at, one in enumerate(many):
                try:
                    read_one(one)
                except ValueError as error:
                    raise misplaced(str(error), *where, at) from error
        return self

    @property
    def start_ms(self) -> int:
        """When it begins, in UTC milliseconds."""
        zone = timezone(timedelta(hours=UTC_OFFSET_H))
        return round(datetime.fromisoformat(self.start).replace(tzinfo=zone).timestamp() * 1000)

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return times.seconds(self.duration)

    @property
    def start_of_day_s(self) -> float:
        """Seconds from midnight to its start."""
        begin = datetime.fromisoformat(self.start)
        return begin.hour * 3600 + begin.minute * 60 + begin.second

    def orders(self, more: tuple[str, ...] = ()) -> list[Order]:
        """Its faults and `more`. Raises ValueError."""
        return [self._order(text) for text in (*self.faults, *more)]

    def never(self, more: tuple[str, ...] = ()) -> list[str]:
        """What of its events, its faults and `more` does not strike in so short a run of so few stations."""
        nodes, end_ms = {None, *self.nodes()}, self.start_ms + self.duration_s * 1000
        late = [f"{one.kind} at {one.at}" for one in self.events if self._event(one).from_ms >= end_ms]
        orders = self.orders(more)
        return late + [one.text for one in orders if one.from_s >= self.duration_s or one.node not in nodes]

    def city_events(self) -> tuple[Event, ...]:
        """Its events in UTC milliseconds."""
        return tuple(self._event(one) for one in self.events)

    def city(self, seed: int) -> City:
        """The city of this scenario and seed. Raises ValueError, OSError for a file that cannot be replayed."""
        replayed = tuple(Replayed(one.file, one.starts, self.start_ms) for one in self.replay)
        return City(seed, self.city_events(), replayed=replayed)

    def nodes(self) -> list[str]:
        """The names of its stations."""
        return [f"lp-{number:04d}" for number in range(1, self.stations + 1)]

    def with_(self, **changes: Any) -> Scenario:
        """The same with other values; None changes nothing."""
        return self.model_copy(update={key: value for key, value in changes.items() if value is not None})

    def smaller(self) -> Scenario:
        """As the tests run it."""
        return self.with_(stations=self.small.stations, duration=self.small.duration)

    def expected_alerts(self, ended_ms: int) -> list[dict[str, Any]]:
        """One entry for each alert that must be raised, with times in UTC milliseconds.

        In a run that ends within the time of one it `may` be raised; one whose time never came is left out.
        """
        found = []
        for one in self.expect.alerts:
            from_s, until_s = self._span(one)
            for node in one.nodes or self.nodes():
                sensors: list[str | None] = [*one.sensors] or [None]
                for sensor in sensors:
                    entry = {"alert": one.alert, "node": node, "sensor": sensor,
                             "from_ms": self.start_ms + round(from_s * 1000),
                             "until_ms": self.start_ms + round(until_s * 1000)}  # fmt: skip
                    found += [entry | {"may": entry["until_ms"] > ended_ms}] * one.times  # type: ignore[operator]
        return [entry for entry in found if entry["from_ms"] < ended_ms]

    def _order(self, text: str) -> Order:
        order = parse(text, self.start_of_day_s)
        if order.sensor is not None and order.sensor not in self.sensors:
            raise ValueError(f"{text!r}: sensor {word(order.sensor, self.sensors)}")
        if order.kind == "swap" and len(self.sensors) < 2:
            raise ValueError(f"{text!r}: a station here has no two sensors to exchange")
        return order

    def _span(self, one: AlertOf) -> tuple[float, float]:
        rules = [str(rule.get("alert")) for rule in self.rules]
        if not one.alert.startswith("collector-"):  # whose own troubles need no rule, and may be of anybody
            if one.alert not in rules:
                raise ValueError(f"alert {word(one.alert, rules)}" if rules else f"there is no rule {one.alert}")
            _known("node", one.nodes, self.nodes())
            _known("sensor", one.sensors, self.sensors)
        return times.span(one.between, self.start_of_day_s)

    def _event(self, one: EventOf) -> Event:
        from_ms = self.start_ms + round(times.after_start(one.at, self.start_of_day_s) * 1000)
        until_ms = from_ms + round(times.seconds(one.lasts) * 1000)
        return Event(one.kind, from_ms, until_ms, one.strength, times.seconds(one.rise) / 3600)


def _known(what: str, named: Iterable[str], known: Collection[str]) -> None:
    for name in named:
        if name not in known:
            raise ValueError(f"{what} {word(name, known)}")


def names() -> list[str]:
    """The library, by name."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def load(name: str) -> Scenario:
    """A scenario of the library, or a file. Raises NotUsable with file and line, OSError as it comes."""
    own = name.endswith((".yaml", ".yml"))
    path = Path(name) if own else LIBRARY / f"{name}.yaml"
    if not path.exists():
        raise FileNotFoundError(f"{name} does not exist" if own else f"scenario {word(name, names())}")
    document = read(path)
    wants = fit(Scenario, document)
    if wants.rules:
        rules_in(document, "rules")
    return wants
