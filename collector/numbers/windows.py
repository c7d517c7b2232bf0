"""Windows on event time: what a minute, an hour and a day say of a series, and how much of it was there. Pure.

    readings > minute: mean of readings > hour: mean of minute means > day: mean of valid hours

`n` counts the windows below: readings in a minute, minutes in an hour, valid hours in a day. The hour's `n` is what
GB 3095-2026 Table 4 and 2008/50/EC call minutes sampled (45 make it valid), the day's the valid hourly values. No
minute weighs more because it was sampled faster. Traffic is summed and weighted instead: see Flow. Means are rounded
to six decimals, which hides the order of additions: the same readings give the same window by whatever road they came.

Hours and days are those of the station's time zone: a Chinese natural day begins at 16:00 UTC, a day of Europe may
have 23 or 25 hours.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from collector.numbers.ordered import ordered, present
from measures.completeness import GB_HOUR
from measures.speed import percentile_from_histogram
from wire.quantities import DERIVED, KINDS, QUANTITIES
from wire.traffic import CELLS, SPEED_CELLS

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DECIMALS: Final = 6
VALID_MINUTES: Final = GB_HOUR.required
MINUTES: Final = "_1m"
HOURS: Final = "_1h"
DAYS: Final = "_1d"
ROLLED: Final = ("air_quality", "weather", "traffic_flow")
CIRCULAR: Final = frozenset({"wind_dir_deg"})
PERCENTILES: Final = {"v15_kmh": 15, "v50_kmh": 50, "v85_kmh": 85}
"""Of a window they come from its summed speed cells, never from those of its intervals."""
COUNTED: Final = ("count", "heavy_count", "wrong_way_count", *CELLS)
"""What is summed up. A cell that is not told holds nobody."""
_NOT_ROLLED: Final = (
    DERIVED.keys() | {"wind_dir_min_deg", "wind_dir_max_deg", "headway_s", "wrong_way_count"} | {*PERCENTILES, *CELLS}
)
"""Raw twins stay with the readings; a headway cannot be had from those of intervals; cells have sums only."""

STATS: Final = ("mean", "min", "max", "n")
"""What is stored of a quantity's window."""
_CELL: Final = 4  # n, sum, smallest, largest


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


class Means:
    """Mean, smallest, largest and n of each quantity.

    The numbers stand in one array. Kept as objects they would lie scattered among those that live for a moment, and
    everything that a busy collector allocates would be scattered between them.
    """

    __slots__ = ("_cells", "_places", "n", "names", "qc", "turns")

    def __init__(self, places: Mapping[str, int]) -> None:
        """`places` says of each quantity where in the array its n, sum, smallest and largest stand."""
        self.names: list[str] = []  # of those with values, but directions
        self.turns: dict[str, list[float]] = {}  # n, sum of sines, sum of cosines
        self.n = 0
        self.qc = 0
        self._places = places
        self._cells = array("d", bytes(_CELL * len(places) * 8))

    def readings(self, columns: Mapping[str, list[Any]], first: int, end: int) -> None:
        self.n += end - first
        codes = ordered(columns["qc"][first:end]) if "qc" in columns else ()
        if codes and codes[-1] > self.qc:
            self.qc = codes[-1]
        places = self._places
        for name, column in columns.items():
            if name not in places:
                continue
            values = column[first:end]
            found = ordered(values)
            if not found:
                continue
            if len(found) < len(values):
                values = present(values)
            if name in CIRCULAR:
                self._turn(name, values)
            else:
                self._add(name, places[name], values, found[0], found[-1])

    def below(self, fields: Mapping[str, Any]) -> None:
        self.n += 1
        self.qc = max(self.qc, fields.get("qc") or 0)
        for field, mean in fields.items():
            name = field[:-5]
            at = self._places.get(name)
            if at is None or mean is None or not field.endswith("_mean"):
                continue
            if name in CIRCULAR:
                self._turn(name, [mean])
            else:
                low, high = fields.get(name + "_min"), fields.get(name + "_max")
                self._add(name, at, [mean], mean if low is None else low, mean if high is None else high)

    def minute(self, minute: Means, fields: Mapping[str, Any]) -> None:
        """Take a minute that is still in memory: the same as `below` of its fields, without looking for them."""
        self.n += 1
        self.qc = max(self.qc, minute.qc)
        for name in minute.names:
            mean, low, high, _ = stat_fields(name)
            self._add(name, self._places[name], [fields[mean]], fields[low], fields[high])
        for name in minute.turns:
            degrees = minute.direction(name)
            if degrees is not None:
                self._turn(name, [degrees])

    def direction(self, name: str) -> float | None:
        """The middle of the directions; None where they cancel out."""
        n, sine, cosine = self.turns[name]
        if math.hypot(sine, cosine) <= 1e-9 * n:
            return None
        return round(math.degrees(math.atan2(sine, cosine)) % 360, 3) % 360

    def _add(self, name: str, at: int, values: list[float], low: float, high: float) -> None:
        cells = self._cells
        if not cells[at]:
            self.names.append(name)
            cells[at + 2], cells[at + 3] = low, high
        else:
            if low < cells[at + 2]:
                cells[at + 2] = low
            if high > cells[at + 3]:
                cells[at + 3] = high
        cells[at] += len(values)
        cells[at + 1] = sum(values, cells[at + 1])

    def _turn(self, name: str, degrees: list[float]) -> None:
        """Directions are added as unit vectors: the middle of 350° and 10° is north, not south."""
        turn = self.turns.setdefault(name, [0, 0.0, 0.0])
        turn[0] += len(degrees)
        turn[1] += sum(math.sin(math.radians(value)) for value in degrees)
        turn[2] += sum(math.cos(math.radians(value)) for value in degrees)

    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.names:
            at = self._places[name]
            n, total, low, high = self._cells[at : at + _CELL]
            mean_field, min_field, max_field, n_field = stat_fields(name)
            found[mean_field] = round(total / n, DECIMALS)
            found[min_field] = low
            found[max_field] = high
            found[n_field] = int(n)
        for name, (n, _, _) in self.turns.items():
            degrees = self.direction(name)
            if degrees is not None:
                found[name + "_mean"] = degrees
            found[name + "_n"] = int(n)
        return found | {"qc": self.qc} if self.qc else found


class Flow:
    """Traffic: counts are summed, speeds weighted by their vehicles, occupancy by time, flow is vehicles over time.

    Time-mean speed adds speeds, space-mean speed adds slownesses (Wardrop): averages are never averaged without their
    counts. `count_n` is intervals, `speed_*_n` vehicles, `duration_s_sum` the seconds counted, `v85_kmh` and its like
    what the summed speed cells say.
    """

    __slots__ = ("_highest", "_lowest", "_sums", "n", "qc")

    def __init__(self) -> None:
        self.n = 0
        self.qc = 0
        self._sums: dict[str, float] = {}
        self._lowest: dict[str, float] = {}
        self._highest: dict[str, float] = {}

    def readings(self, columns: Mapping[str, list[Any]], first: int, end: int) -> None:
        for row in range(first, end):
            self._interval({name: column[row] for name, column in columns.items()})

    def _interval(self, row: Mapping[str, Any]) -> None:
        self.n += 1
        self.qc = max(self.qc, row.get("qc") or 0)
        count, seconds = row.get("count"), row.get("duration_s")
        if count is not None:
            self._sum("count_sum", count)
            self._sum("count_n", 1)
            self._span("count", count, count)
        for name, number in row.items():
            if number is not None and name in _SUMMED and name != "count":
                self._sum(name + "_sum", number)
        if seconds and count is not None:
            self._sum("duration_s_sum", seconds)
            self._span("flow_vph", 3600 * count / seconds, 3600 * count / seconds)
        for name in ("speed_tms_kmh", "speed_sms_kmh"):
            speed = row.get(name)
            if speed is not None and count:
                self._speed(name, speed, count)
                self._span(name, speed, speed)
        occupancy = row.get("occupancy_ratio")
        if occupancy is not None and seconds:
            self._occupied(occupancy, seconds)
            self._span("occupancy_ratio", occupancy, occupancy)

    def thinned(self, fields: Mapping[str, Any]) -> None:
        """Take a minute of intervals that the agent put together when its spool was full."""
        row = {name: fields.get(name + "_mean") for name in ("speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio")}
        for name in (*COUNTED, "duration_s"):
            mean, n = fields.get(name + "_mean"), fields.get(name + "_n")
            row[name] = None if mean is None or n is None else mean * n if name == "duration_s" else round(mean * n)
        self._interval(row)

    def below(self, fields: Mapping[str, Any]) -> None:
        self.n += 1
        self.qc = max(self.qc, fields.get("qc") or 0)
        for name, value in fields.items():
            if value is not None and name in _OWN_SUMS:
                self._sum(name, value)
        for name in ("speed_tms_kmh", "speed_sms_kmh"):
            if fields.get(name + "_mean") is not None:
                self._speed(name, fields[name + "_mean"], fields.get(name + "_n") or 1)
        if fields.get("occupancy_ratio_mean") is not None:
            self._occupied(fields["occupancy_ratio_mean"], fields.get("duration_s_sum") or 1)
        for name in ("count", "flow_vph", "speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio"):
            if fields.get(name + "_min") is not None:
                self._span(name, fields[name + "_min"], fields[name + "_max"])

    def _sum(self, name: str, value: float) -> None:
        self._sums[name] = self._sums.get(name, 0) + value

    def _span(self, name: str, low: float, high: float) -> None:
        self._lowest[name] = min(low, self._lowest.get(name, low))
        self._highest[name] = max(high, self._highest.get(name, high))

    def _speed(self, name: str, speed: float, vehicles: float) -> None:
        if name == "speed_sms_kmh" and speed <= 0:
            return  # nothing that stands passes a counter
        self._sum(name + "_n", vehicles)
        self._sum(name, vehicles / speed if name == "speed_sms_kmh" else vehicles * speed)

    def _occupied(self, ratio: float, seconds: float) -> None:
        self._sum("occupied_s", ratio * seconds)
        self._sum("watched_s", seconds)

    def fields(self) -> dict[str, Any]:
        sums = self._sums
        found: dict[str, Any] = {}
        found |= {name: int(value) for name, value in sums.items() if name in _WHOLE_FIELDS or name == "count_n"}
        if "count_sum" in sums:
            found["count_mean"] = round(sums["count_sum"] / sums["count_n"], DECIMALS)
        if "duration_s_sum" in sums:
            found["duration_s_sum"] = round(sums["duration_s_sum"], DECIMALS)
            found["flow_vph_mean"] = round(3600 * sums["count_sum"] / sums["duration_s_sum"], DECIMALS)
        for name in ("speed_tms_kmh", "speed_sms_kmh"):
            if name in sums:
                n = sums[name + "_n"]
                found[name + "_mean"] = round(n / sums[name] if name == "speed_sms_kmh" else sums[name] / n, DECIMALS)
                found[name + "_n"] = int(n)
        found |= self._percentiles()
        if "watched_s" in sums:
            found["occupancy_ratio_mean"] = round(sums["occupied_s"] / sums["watched_s"], DECIMALS)
        for name, low in self._lowest.items():
            found[name + "_min"] = round(float(low), DECIMALS)
            found[name + "_max"] = round(float(self._highest[name]), DECIMALS)
        return found | {"qc": self.qc} if self.qc else found

    def _percentiles(self) -> dict[str, float]:
        histogram = [int(self._sums.get(name + "_sum", 0)) for name in SPEED_CELLS]
        told = {name: percentile_from_histogram(histogram, percent) for name, percent in PERCENTILES.items()}
        return {name: round(speed, 2) for name, speed in told.items() if speed is not None}


def fold(kind: str) -> Fold:
    """An empty hour or day of a kind."""
    return minute(kind) if has_minutes(kind) else Flow()


def minute(kind: str) -> Means:
    """An empty minute of a kind that has minutes."""
    return Means(_places(kind))


@cache
def _places(kind: str) -> dict[str, int]:
    return {name: _CELL * at for at, name in enumerate(rolled(kind))}


@cache
def stat_fields(name: str) -> tuple[str, ...]:
    """What the statistics of a quantity are called."""
    return tuple(f"{name}_{stat}" for stat in STATS)


@cache
def field_names(kind: str) -> tuple[str, ...]:
    """Every field that a stored window of a kind may have."""
    if has_minutes(kind):
        return (*(field for name in rolled(kind) for field in stat_fields(name)), "qc")
    measured = ("count", "flow_vph", "speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio")
    spans = (f"{name}_{stat}" for name in measured for stat in ("mean", "min", "max"))
    return (*spans, *sorted(_OWN_SUMS), *PERCENTILES, "speed_tms_kmh_n", "speed_sms_kmh_n", "qc")


@cache
def is_whole(field: str) -> bool:
    """Whether a stored field of a window holds whole numbers for ever."""
    return field == "qc" or field.endswith("_n") or field in _WHOLE_FIELDS


THINNED: Final = tuple(
    f"{name}_{stat}"
    for name in (*COUNTED, "duration_s", "speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio")
    for stat in ("mean", "n")
)
"""What Flow reads of a thinned minute."""
_SUMMED: Final = frozenset(COUNTED)
_WHOLE_FIELDS: Final = frozenset(name + "_sum" for name in COUNTED)
_OWN_SUMS: Final = _WHOLE_FIELDS | {"count_n", "duration_s_sum"}


def with_completeness(kind: str, fields: dict[str, Any], parts: int, span_ms: int, part_ms: int) -> dict[str, Any]:
    """The fields of an hour or day with how much of it was there: `parts` windows below of `part_ms`, 0 to 1.

    Traffic counts the seconds it watched, where the intervals say how long they were.
    """
    watched_s = fields.get("duration_s_sum")
    share = parts * part_ms / span_ms if watched_s is None or has_minutes(kind) else 1000 * watched_s / span_ms
    return fields | {"completeness": round(min(1.0, share), DECIMALS)}


def valid_hour(fields: Mapping[str, Any], name: str) -> float | None:
    """The hourly mean of a quantity where at least 45 minutes were sampled (GB 3095-2026 Table 4), else None."""
    n, mean = fields.get(name + "_n"), fields.get(name + "_mean")
    return mean if n is not None and n >= VALID_MINUTES else None


def day(kind: str, hours: Iterable[Mapping[str, Any]], span_ms: int) -> dict[str, Any]:
    """A day's fields from those of its hours; of air and weather only valid hours enter."""
    found = fold(kind)
    parts = 0
    for fields in hours:
        if has_minutes(kind):
            bad = [name for name in rolled(kind) if valid_hour(fields, name) is None]
            fields = {key: value for key, value in fields.items() if key.rpartition("_")[0] not in bad}
            if not any(key.endswith("_mean") for key in fields):
                continue
        found.below(fields)
        parts += 1
    return with_completeness(kind, found.fields(), parts, span_ms, HOUR_MS) if parts else {}
