"""Windows on event time: what a minute, an hour and a day say of a series, and how much of it was there. Pure.

    readings > minute: mean of readings > hour: mean of minute means > day: mean of valid hours

`n` counts the windows below: readings in a minute, minutes in an hour, valid hours in a day. The hour's `n` is what
GB 3095-2026 Table 4 and 2008/50/EC call minutes sampled (45 make it valid), the day's the valid hourly values. Of what
they do not speak of, weather, noise and CO2, three quarters of the day's fullest hour do as well: many a weather
station tells every five minutes. No minute weighs more because it was sampled faster. What a window holds: means.py,
and of traffic flow.py.

Hours and days are those of the station's time zone: a Chinese natural day begins at 16:00 UTC, a day of Europe may
have 23 or 25 hours. Where clocks are moved by half an hour, on Lord Howe Island alone, that half hour stands in
two hours of the clock, and twice in the sums of its day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from collector.numbers.flow import COUNTED, OWN_SUMS, PERCENTILES, WHOLE_SUMS, Flow
from collector.numbers.means import CELL, DECIMALS, TOTALS, Means, stat_fields
from measures.completeness import GB_HOUR
from wire.quantities import DERIVED, KINDS, QUANTITIES
from wire.times import HOUR_MS
from wire.traffic import CELLS

VALID_MINUTES: Final = GB_HOUR.required
MINUTES: Final = "_1m"
HOURS: Final = "_1h"
DAYS: Final = "_1d"
ROLLED: Final = ("air_quality", "weather", "traffic_flow")
_NOT_ROLLED: Final = (
    DERIVED.keys() | {"wind_dir_min_deg", "wind_dir_max_deg", "headway_s", "wrong_way_count"} | {*PERCENTILES, *CELLS}
)
"""Raw twins stay with the readings; a headway cannot be had from those of intervals; cells have sums only."""
_BY_STANDARD: Final = ("_ugm3", "_mgm3")
"""Units of the pollutants, whose hours standards define."""


@cache
def rolled(kind: str) -> tuple[str, ...]:
    """The quantities of a kind that have windows."""
    return tuple(q.name for q in QUANTITIES.values() if q.kind == kind and q.name not in _NOT_ROLLED)


@cache
def read(kind: str) -> tuple[str, ...]:
    """The quantities of a kind's readings that make windows: those that have some, and what is only summed up."""
    return rolled(kind) if has_minutes(kind) else tuple(dict.fromkeys((*rolled(kind), *COUNTED)))


def has_minutes(kind: str) -> bool:
    """Traffic comes in intervals, which begin at the hour; everything else in readings, which begin at the minute."""
    return not KINDS[kind].tags


# Time


@lru_cache(4096)
def _offset_ms(zone: ZoneInfo, quarter: int) -> int:
    moment = datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone)
    offset = moment.utcoffset()
    assert offset is not None
    return int(offset.total_seconds() * 1000)


def hour_of(time_ms: int, zone: ZoneInfo) -> int:
    """Start of the hour of the local clock that holds a time."""
    return time_ms - (time_ms + _offset_ms(zone, time_ms // 900_000)) % HOUR_MS


@lru_cache(4096)
def day_of(time_ms: int, zone: ZoneInfo) -> tuple[int, int]:
    """Start and end of the local calendar day that holds a time; call it with starts of hours."""
    local = datetime.fromtimestamp(time_ms / 1000, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = (midnight + timedelta(hours=36)).replace(hour=0)
    return round(midnight.timestamp() * 1000), round(following.timestamp() * 1000)


# What a window holds


class Fold(Protocol):
    """A window that is being filled from the windows below, in the order of time."""

    n: int
    qc: int

    def readings(self, columns: Mapping[str, list[Any]], first: int, end: int) -> None:
        """Take rows `first` to `end` of a block of readings; failed values are None already."""

    def below(self, fields: Mapping[str, Any]) -> None:
        """Take the fields of one window of the level below."""

    def fields(self) -> dict[str, Any]:
        """What is stored of this window."""


def fold(kind: str) -> Fold:
    """An empty hour or day of a kind."""
    return minute(kind) if has_minutes(kind) else Flow()


def minute(kind: str) -> Means:
    """An empty minute of a kind that has minutes."""
    return Means(_places(kind))


@cache
def _places(kind: str) -> dict[str, int]:
    return {name: CELL * at for at, name in enumerate(rolled(kind))}


@cache
def field_names(kind: str) -> tuple[str, ...]:
    """Every field that a stored window of a kind may have."""
    if has_minutes(kind):
        sums = (name + "_sum" for name in rolled(kind) if name in TOTALS)
        return (*(field for name in rolled(kind) for field in stat_fields(name)), *sums, "qc")
    measured = ("count", "flow_vph", "speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio")
    spans = (f"{name}_{stat}" for name in measured for stat in ("mean", "min", "max"))
    return (*spans, *sorted(OWN_SUMS), *PERCENTILES, "speed_tms_kmh_n", "speed_sms_kmh_n", "qc")


@cache
def is_whole(field: str) -> bool:
    """Whether a stored field of a window holds whole numbers for ever."""
    return field == "qc" or field.endswith("_n") or field in WHOLE_SUMS


def with_completeness(kind: str, fields: dict[str, Any], parts: int, span_ms: int, part_ms: int) -> dict[str, Any]:
    """The fields of an hour or day with how much of it was there: `parts` windows below of `part_ms`, 0 to 1.

    Traffic counts the seconds it watched, where the intervals say how long they were.
    """
    watched_s = fields.get("duration_s_sum")
    share = parts * part_ms / span_ms if watched_s is None or has_minutes(kind) else 1000 * watched_s / span_ms
    return fields | {"completeness": round(min(1.0, share), DECIMALS)}


def possible(minute: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a thinned minute, without the quantities of which one tells what cannot be.

    A device thins what its sensors say, and tests nothing: a reading of 65535 µg/m³ leaves the hour as it would have
    left it alone, with the others of its minute.
    """
    odd = {name.rpartition("_")[0] for name, value in minute.items() if value is not None and not _can_be(name, value)}
    return {name: value for name, value in minute.items() if name.rpartition("_")[0] not in odd}


def _can_be(field: str, value: float) -> bool:
    name, _, stat = field.rpartition("_")
    quantity = QUANTITIES.get(name)
    return quantity is None or (value >= 0 if stat in ("n", "sum") else quantity.low <= value <= quantity.high)


def valid_hour(fields: Mapping[str, Any], name: str) -> float | None:
    """The hourly mean of a quantity where at least 45 minutes were sampled (GB 3095-2026 Table 4), else None."""
    n, mean = fields.get(name + "_n"), fields.get(name + "_mean")
    return mean if n is not None and n >= VALID_MINUTES else None


def valid_means(
    windows: Iterable[tuple[int, float | None, int | None]], needed: int = VALID_MINUTES
) -> list[tuple[int, float]]:
    """Times and means of the windows (time, mean, n) that stand on enough of those below.

    Of all, where none does: a sensor may report too seldom for any.
    """
    there = [(time_ms, mean, n or 0) for time_ms, mean, n in windows if mean is not None]
    return [(time_ms, mean) for time_ms, mean, n in there if n >= needed] or [one[:2] for one in there]


def by_place(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Sequence[Any], float, float]]:
    """A series' windows, completeness last: each with its weight in its window, and how much of that there is in all.

    The window in which a station moved lies at both places, for the time that was watched at each.
    """
    kept, whole = list(rows), dict[int, float]()
    for time_ms, *_, share in kept:
        whole[time_ms] = whole.get(time_ms, 0.0) + (share or 0.0)
    for row in kept:
        yield row, row[-1] / whole[row[0]] if row[-1] else 1.0, min(1.0, whole[row[0]])


def day(kind: str, hours: Iterable[Mapping[str, Any]], span_ms: int) -> dict[str, Any]:
    """A day's fields from those of its hours; of air and weather valid hours enter, and the rain of every hour."""
    found, parts, given = fold(kind), 0, list(hours)
    needed = {name: _needed(name, given) for name in rolled(kind)} if has_minutes(kind) else {}
    for fields in given:
        short = {name for name, n in needed.items() if (fields.get(name + "_n") or 0) < n}
        kept = {key: value for key, value in fields.items() if key.rpartition("_")[0] not in short - TOTALS}
        means = {key[:-5] for key in kept if key.endswith("_mean")}
        if means or not needed:
            found.below(kept)
            parts += not needed or not means <= short
    there = found.fields()
    return with_completeness(kind, there, parts, span_ms, HOUR_MS) if there else {}


def _needed(name: str, hours: Iterable[Mapping[str, Any]]) -> float:
    """How many minutes make an hour of this day a valid one of a quantity."""
    if name.endswith(_BY_STANDARD):
        return VALID_MINUTES
    return min(VALID_MINUTES, 0.75 * max((fields.get(name + "_n") or 0 for fields in hours), default=0))
