"""Traffic grades: GB/T 33171-2016, and levels of service of the Highway Capacity Manual.

The standards grade a stretch of road. One sensor sees one spot, so a grade made from its speed is *indicative*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from measures.index import on_knots
from measures.rounding import Number, exact

GRADES: Final = ("畅通", "基本畅通", "轻度拥堵", "中度拥堵", "严重拥堵")

FREE_FLOW_SHARE: Final = 9
"""The fastest ninth of the intervals is free flow."""

_SPEED_OVER_PCT: Final = (70, 50, 40, 30)
_TPI_OF_DTP: Final = tuple(
    zip((exact(n) / 10 for n in (0, 3, 5, 6, 7, 10)), (exact(n) for n in (0, 2, 4, 6, 8, 10)), strict=True)
)
_FREEWAY_UP_TO: Final = (11, 18, 26, 35, 45)
_SIGNAL_UP_TO: Final = (10, 20, 35, 55, 80)


class Ratios(NamedTuple):
    """Travel time index, at least 1, and delay time proportion, at least 0."""

    tti: float
    dtp: float


class PerformanceIndex(NamedTuple):
    """Traffic performance index 交通运行指数, 0 to 10, and its grade."""

    tpi: float
    grade: str


def free_flow_kmh(interval_means_kmh: Iterable[Number | None], speed_limit_kmh: Number) -> float | None:
    """Free-flow speed (GB/T 33171-2016 7.2.1.2): mean of the fastest ninth of interval means, at most the limit.

    The means are of 06:00 to 24:00, at most 15 minutes each, of 30 days or more; fewer than nine give the fastest one,
    none gives None. Raises ValueError for a negative mean or a limit not above 0.
    """
    if not speed_limit_kmh > 0:
        raise ValueError(f"a speed limit of {speed_limit_kmh} km/h")
    means = sorted((exact(mean) for mean in interval_means_kmh if mean is not None), reverse=True)
    if not means:
        return None
    if means[-1] < 0:
        raise ValueError(f"{float(means[-1])} km/h is no speed")
    fastest = means[: max(1, len(means) // FREE_FLOW_SHARE)]
    mean: Fraction = sum(fastest, Fraction(0)) / len(fastest)
    return float(min(mean, exact(speed_limit_kmh)))


def segment_grade(speed_kmh: Number | None, free_flow: Number) -> str | None:
    """Grade of a segment by travel speed over free-flow speed (GB/T 33171-2016 8.1); None when missing.

    Lower limits are exclusive: exactly 70 % is 基本畅通. Raises ValueError for a free-flow speed not above 0.
    """
    if not free_flow > 0:
        raise ValueError(f"a free-flow speed of {free_flow} km/h")
    if speed_kmh is None:
        return None
    percent = 100 * exact(speed_kmh) / exact(free_flow)
    if percent < 0:
        raise ValueError(f"{speed_kmh} km/h is no speed")
    return GRADES[sum(percent <= over for over in _SPEED_OVER_PCT)]


def ratios(travel_time_s: Number, free_flow_time_s: Number) -> Ratios:
    """TTI = t/tf and DTP = (t - tf)/t (GB/T 33171-2016 7.2.2), held at 1 and 0 when faster than free flow."""
    travel, free = exact(travel_time_s), exact(free_flow_time_s)
    if travel <= 0 or free <= 0:
        raise ValueError(f"travel time {travel_time_s} s, free-flow time {free_flow_time_s} s: both must be above 0")
    return Ratios(max(float(travel / free), 1.0), max(float((travel - free) / travel), 0.0))


def performance_index(dtp: Number) -> PerformanceIndex:
    """TPI of a delay time proportion (GB/T 33171-2016 Annex C), linear inside a band, which is convention.

    A band begins at its lower end: 4.0 is 轻度拥堵. Raises ValueError for a proportion outside 0 to 1.
    """
    share = exact(dtp)
    tpi = on_knots(share, _TPI_OF_DTP) if share >= 0 else None
    if tpi is None:
        raise ValueError(f"a delay time proportion of {dtp} is outside 0 to 1")
    return PerformanceIndex(float(tpi), GRADES[min(int(tpi // 2), len(GRADES) - 1)])


def freeway_los(density_pc_mi_ln: Number, over_capacity: bool = False) -> str:
    """Level of service of a basic freeway segment by passenger cars per mile and lane (HCM 6th ed. Exhibit 12-15).

    F above 45 or when demand exceeds capacity. Raises ValueError below 0.
    """
    return "F" if over_capacity else _los(density_pc_mi_ln, _FREEWAY_UP_TO)


def signal_los(control_delay_s: Number) -> str:
    """Level of service of a signalised intersection by control delay per vehicle (HCM 6th ed. Exhibit 19-8)."""
    return _los(control_delay_s, _SIGNAL_UP_TO)


def _los(value: Number, up_to: Sequence[int]) -> str:
    if not value >= 0:
        raise ValueError(f"{value} has no level of service: below 0")
    return "ABCDEF"[sum(value > top for top in up_to)]
