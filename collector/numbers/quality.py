"""Quality on ingest: every value is looked at, none is deleted; what fails or is doubted is named beside it. Pure.

Of each block of readings (flags `qc` and `qc_code` of the reading):
    range     outside what can physically be, or what the station says its sensor can read     fails (4)
    expect    outside what the operator expects (QARTOD test 4)                                 suspect (3)
    spike     far from the middle of its two neighbours (QARTOD test 6)                         suspect
    rate      changes faster than air or weather does (QARTOD test 7)                           suspect
    order     PM1 <= PM2.5 <= PM4 <= PM10 does not hold, beyond a tolerance                     suspect
    traffic   counts, speeds and occupancy contradict each other, or exceed what a lane carries suspect

Of each hour (code of the hourly window, whose own `qc` is the worst of its readings):
    flat      mean did not move for hours, above the detection limit (QARTOD test 8)            suspect
    step      jumps from hour to hour by more than 999 of 1000 hours do                         suspect
    neighbour two sensors of one node that measure the same disagree                            suspect

Only what cannot be is failed: New Year's fireworks take PM2.5 from 100 to 957 µg/m³ within hours, and stay. SO2 rests
at its floor of 2 µg/m³ for 147 hours, ozone at 1 ppb for 18: at or below the detection limit nothing is flat. Tests of
a block see that block alone, tests of hours see hours alone: a batch that comes late or again gets the same flags.

Cost: a column whose smallest and largest value are fine has passed; only a column that is not is looked at by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import sub
from typing import Any, Final, NamedTuple

from pydantic import Field, field_validator

from collector.numbers.cells import extent
from common.strict_model import Strict
from wire.batch import Block, Span
from wire.quantities import DERIVED, QUANTITIES, Quantity
from wire.times import HOUR_MS

PASS: Final = 1
SUSPECT: Final = 3
FAIL: Final = 4
FLAT_HOURS_MAX: Final = 24


class Limits(Strict):
    """Thresholds of one quantity, in its unit. What is not given keeps its default; null turns a test off."""

    range: list[float] | None = Field(default=None, min_length=2, max_length=2)
    expect: list[float] | None = Field(default=None, min_length=2, max_length=2)
    spike: float | None = Field(default=None, gt=0)
    rate_per_s: float | None = Field(default=None, gt=0)
    flat_hours: int | None = Field(default=None, ge=2, le=FLAT_HOURS_MAX)
    detection_limit: float | None = None
    step_per_h: float | None = Field(default=None, gt=0)
    neighbour: float | None = Field(default=None, gt=0)

    @field_validator("range", "expect")
    @classmethod
    def _rises(cls, span: list[float] | None) -> list[float] | None:
        """Every reading lies outside of one that does not, and would leave its hours."""
        if span is not None and not span[0] < span[1]:
            raise ValueError(f"{span[0]:g} to {span[1]:g} is no span: the smaller number comes first")
        return span


DEFAULTS: Final[dict[str, Limits]] = {
    # Spikes and rates: twice and more what 1-minute series of traffic and fireworks show; steps: the 99.9th percentile
    # of hourly steps (Beijing Wanliu 2016, London Marylebone 2003); detection limits: of common low-cost sensors.
    "pm1_ugm3": Limits(spike=400, rate_per_s=100, flat_hours=6, detection_limit=3, step_per_h=200, neighbour=5),
    "pm25_ugm3": Limits(spike=400, rate_per_s=100, flat_hours=6, detection_limit=3, step_per_h=200, neighbour=5),
    "pm10_ugm3": Limits(spike=600, rate_per_s=150, flat_hours=6, detection_limit=5, step_per_h=280, neighbour=10),
    "no2_ugm3": Limits(spike=300, rate_per_s=100, flat_hours=6, detection_limit=4, step_per_h=125, neighbour=20),
    "o3_ugm3": Limits(spike=200, rate_per_s=50, flat_hours=6, detection_limit=4, step_per_h=81, neighbour=20),
    "so2_ugm3": Limits(spike=300, rate_per_s=100, flat_hours=6, detection_limit=3, step_per_h=100, neighbour=20),
    "co_mgm3": Limits(spike=20, rate_per_s=5, flat_hours=6, detection_limit=0.2, step_per_h=5, neighbour=1),
    "no2_raw_ppb": Limits(spike=160, rate_per_s=53),
    "o3_raw_ppb": Limits(spike=100, rate_per_s=25),
    "so2_raw_ppb": Limits(spike=115, rate_per_s=38),
    "co_raw_ppm": Limits(spike=17, rate_per_s=4),
    "temp_c": Limits(expect=[-50, 55], spike=5, rate_per_s=1),
    "rh_pct": Limits(spike=30, rate_per_s=10),
    "press_hpa": Limits(spike=5, rate_per_s=1),
}
NEIGHBOUR_SHARE: Final = 0.61
"""Two sensors disagree when they differ by `neighbour` or more and by 61 % of their mean (Barkjohn et al. 2021)."""
ORDER_TOLERANCE: Final = (2.0, 0.1)
"""PM2.5 may exceed PM10 by 2 µg/m³ and 10 %: the two are estimated, not sieved."""
LANE_VPH_MAX: Final = 2400
"""20 vehicles in 30 s and lane, the physical maximum of Caltrans PeMS."""
OCCUPIED_FROM_COUNT: Final = 5

_BY_SIZE: Final = (
    ("pm1_raw_ugm3", "pm25_raw_ugm3", "pm4_raw_ugm3", "pm10_raw_ugm3", "pm100_raw_ugm3"),
    ("pm1_cf1_ugm3", "pm25_cf1_ugm3", "pm10_cf1_ugm3"),
)


class _Test(NamedTuple):
    """The thresholds of one column, infinite where there is no test; `low` and `high`: the narrower of both spans."""

    low: float
    high: float
    range_low: float
    range_high: float
    spike: float
    rate_per_ms: float


class Quality:
    """The tests with one set of thresholds: the defaults, and what the settings say instead."""

    def __init__(self, settings: Mapping[str, Limits]) -> None:
        self.limits = dict(DEFAULTS)
        for name, given in settings.items():
            before = self.limits.get(name, Limits())
            self.limits[name] = before.model_copy(update={key: getattr(given, key) for key in given.model_fields_set})
        self._tests: dict[str, _Test | None] = {}

    def codes(self, block: Block) -> list[str | None] | None:
        """Per row what failed or is doubted, as collector.flags writes it; None when the whole block is good."""
        found: dict[int, list[str]] = {}
        times = block.times_ms
        step_ms = block.step_ms or min(map(sub, times[1:], times), default=0)
        for name, column in block.fields.items():
            test = self._tests[name] if name in self._tests else self._test(name)
            if test is None:
                continue
            span = block.spans.get(name) or _span(column)
            if span is None:
                continue
            low, high, _ = span
            spread = high - low
            if low < test.low or high > test.high or spread > test.spike or spread > test.rate_per_ms * step_ms:
                _look(name, test, times, column, found)
        if block.kind == "air_quality":
            _mark_order(block, found)
        elif block.kind == "traffic_flow":
            _mark_traffic(block.fields, found)
        if not found:
            return None
        return [",".join(found[row]) if row in found else None for row in range(len(block.times_ms))]

    def _test(self, name: str) -> _Test | None:
        quantity = QUANTITIES.get(name)
        self._tests[name] = None if quantity is None else _test(quantity, self._limits_of(name))
        return self._tests[name]

    def _limits_of(self, name: str) -> Limits:
        """A raw twin in the same unit shares the limits of what is derived from it, unless it has its own."""
        derived = DERIVED.get(name)
        if name not in self.limits and derived is not None and derived.unit == QUANTITIES[name].unit:
            name = derived.name
        return self.limits.get(name, Limits())

    # -- hours ----------------------------------------------------------------------------------------------------

    def hour_code(
        self, hours: Mapping[int, Mapping[str, Any]], hour_ms: int, others: Sequence[Mapping[str, Any]] = ()
    ) -> str:
        """What is doubted of a sensor's hour, given the hours before it and the same hour of its node's other sensors.

        Empty when all is well. Fields are named as they stand in the window: `pm25_ugm3_mean:flat?`.
        """
        fields = hours[hour_ms]
        codes = []
        for name, limits in self.limits.items():
            mean = fields.get(name + "_mean")
            if mean is None:
                continue
            if _is_flat(name, limits, hours, hour_ms):
                codes.append(f"{name}_mean:flat?")
            before = hours.get(hour_ms - HOUR_MS, {}).get(name + "_mean")
            if limits.step_per_h is not None and before is not None and abs(mean - before) > limits.step_per_h:
                codes.append(f"{name}_mean:step?")
            if limits.neighbour is not None:
                beside = [other[name + "_mean"] for other in others if other.get(name + "_mean") is not None]
                if any(_disagree(mean, other, limits.neighbour) for other in beside):
                    codes.append(f"{name}_mean:neighbour?")
        return ",".join(codes)


def worst(codes: Sequence[str | None] | None, count: int) -> list[int]:
    """The QARTOD flag of each row: 4 where a test failed, 3 where one doubts, else 1."""
    if codes is None:
        return [PASS] * count
    return [PASS if code is None else SUSPECT if _doubts_only(code) else FAIL for code in codes]


def _doubts_only(code: str) -> bool:
    return code.count("?") == code.count(":")


def _test(quantity: Quantity, limits: Limits) -> _Test:
    never = float("inf")
    low, high = limits.range or (quantity.low, quantity.high)
    low, high = max(low, quantity.low), min(high, quantity.high)
    expect_low, expect_high = limits.expect or (low, high)
    spike = never if limits.spike is None else limits.spike
    rate = never if limits.rate_per_s is None else limits.rate_per_s / 1000
    return _Test(max(low, expect_low), min(high, expect_high), low, high, spike, rate)


def _span(column: list[Any]) -> Span | None:
    found = extent(column)
    return None if found is None else (*found, False)


def _mark(found: dict[int, list[str]], row: int, code: str) -> None:
    found.setdefault(row, []).append(code)


def _look(name: str, test: _Test, times_ms: list[int], column: list[Any], found: dict[int, list[str]]) -> None:
    """A column that is not wholly fine, by row. Absent and failed values are nobody's neighbours."""
    rows = []
    for row, value in enumerate(column):
        if value is None:
            continue
        if not test.range_low <= value <= test.range_high:
            _mark(found, row, f"{name}:range")
            continue
        if not test.low <= value <= test.high:
            _mark(found, row, f"{name}:expect?")
        rows.append(row)
    for at in range(1, len(rows)):
        before, row = rows[at - 1], rows[at]
        if abs(column[row] - column[before]) > test.rate_per_ms * (times_ms[row] - times_ms[before]):
            _mark(found, row, f"{name}:rate?")
        if at + 1 < len(rows) and abs(column[row] - (column[before] + column[rows[at + 1]]) / 2) > test.spike:
            _mark(found, row, f"{name}:spike?")


def _mark_order(block: Block, found: dict[int, list[str]]) -> None:
    """Particles up to a size are among those up to a larger one."""
    fields, spans, (by, share) = block.fields, block.spans, ORDER_TOLERANCE
    for names in _BY_SIZE:
        present = [name for name in names if name in fields]
        for small, large in pairwise(present):
            if small in spans and large in spans and spans[small][1] <= spans[large][0] + by:
                continue
            less, more = fields[small], fields[large]
            try:
                if max(map(sub, less, more)) <= by:
                    continue
            except TypeError:  # a None: to look for it before would take longer
                pass
            for row, (a, b) in enumerate(zip(less, more, strict=True)):
                if a is not None and b is not None and a > b + by + share * b:
                    _mark(found, row, f"{small}:order?")


def _mark_traffic(fields: Mapping[str, list[Any]], found: dict[int, list[str]]) -> None:
    """Whether an interval's numbers can stand side by side (FHWA's multivariate range, PeMS' Intermittent)."""
    counts = [-1 if count is None else count for count in fields.get("count", ())]
    heavy, seconds, occupied = (fields.get(name) for name in ("heavy_count", "duration_s", "occupancy_ratio"))
    if heavy is not None:
        _mark_all("heavy_count", [0 <= c < (h or 0) for c, h in zip(counts, heavy, strict=False)], found)
    if seconds is not None:
        full = [c > 2 and s and c * 3600 > LANE_VPH_MAX * s for c, s in zip(counts, seconds, strict=False)]
        _mark_all("count", full, found)
    for name in ("speed_tms_kmh", "speed_sms_kmh"):
        speeds = fields.get(name)
        if speeds is not None:
            odd = [s is not None and c >= 0 and (s > 0) != (c > 0) for c, s in zip(counts, speeds, strict=False)]
            _mark_all(name, odd, found)
    for slower, faster in (("v15_kmh", "v50_kmh"), ("v50_kmh", "v85_kmh")):
        low, high = fields.get(slower), fields.get(faster)
        if low is not None and high is not None:
            turned = [a is not None and b is not None and a > b for a, b in zip(low, high, strict=True)]
            _mark_all(slower, turned, found)
    if occupied is not None:
        unseen = [o == 0 and c >= OCCUPIED_FROM_COUNT for c, o in zip(counts, occupied, strict=False)]
        _mark_all("occupancy_ratio", unseen, found)


def _mark_all(name: str, odd: list[Any], found: dict[int, list[str]]) -> None:
    if any(odd):
        for row, is_odd in enumerate(odd):
            if is_odd:
                _mark(found, row, f"{name}:traffic?")


def _is_flat(name: str, limits: Limits, hours: Mapping[int, Mapping[str, Any]], hour_ms: int) -> bool:
    """Whether readings did not move for `flat_hours` hours that are there in a row, above the detection limit."""
    if limits.flat_hours is None:
        return False
    run = [hours.get(hour_ms - back * HOUR_MS, {}) for back in range(limits.flat_hours)]
    lows, highs = ([fields.get(name + end) for fields in run] for end in ("_min", "_max"))
    floor = limits.detection_limit
    value = lows[0]
    if value is None or (floor is not None and value <= floor):
        return False
    return set(lows) == set(highs) == {value}


def _disagree(a: float, b: float, by: float) -> bool:
    return abs(a - b) >= by and 2 * abs(a - b) >= NEIGHBOUR_SHARE * (a + b)
