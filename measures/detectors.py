"""Is a vehicle detector telling the truth? Caltrans' daily diagnosis (PeMS), and speed from a single loop.

The diagnosis looks at one lane's 30-second samples from 05:00 to 22:00, 2040 when none is missing. Thresholds: Caltrans
PeMS, diagnostic_threshold_values, sets Urban, Rural and Low_Volume. Tests run in order and the first that strikes names
the state; shares are of the samples that came.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from measures.rounding import Number, exact

SAMPLES_POSSIBLE: Final = 2 * 60 * 17
EFFECTIVE_LENGTH_FT: Final = 22
"""PeMS' default of vehicle plus loop, 6.7056 m."""

_ENOUGH_PCT = 60
_HIGH_PCT = 20
_ZERO_FLOW_POS_OCC_PCT = 2
_ZERO_OCC_POS_FLOW_PCT = 50
_CONSTANT_BELOW = exact(0.00001)
_FEET_PER_MILE = 5280
_FIVE_MIN_PER_HOUR = 12


class Kind(StrEnum):
    """What a detector stands on; a ramp's is judged by flow, a mainline lane's by occupancy."""

    MAINLINE = "mainline"
    RAMP = "ramp"


class Setting(StrEnum):
    """How often an empty detector is believed."""

    URBAN = "Urban"
    RURAL = "Rural"
    LOW_VOLUME = "Low_Volume"


class Status(StrEnum):
    """PeMS' states of a detector."""

    DOWN = "Down/No Data"
    INSUFFICIENT = "Insufficient Data"
    CARD_OFF = "Card Off"
    HIGH_VAL = "High Val"
    INTERMITTENT = "Intermittent"
    CONSTANT = "Constant"
    GOOD = "Good"


_ZERO_PCT: Final = {
    (Kind.MAINLINE, Setting.URBAN): 59,
    (Kind.MAINLINE, Setting.RURAL): 90,
    (Kind.MAINLINE, Setting.LOW_VOLUME): 100,
    (Kind.RAMP, Setting.URBAN): 95,
    (Kind.RAMP, Setting.RURAL): 95,
    (Kind.RAMP, Setting.LOW_VOLUME): 100,
}


@dataclass(frozen=True, slots=True)
class Day:
    """How many of a day's samples came, and how many of them were of which kind.

    `zero_flow_pos_occ` counts occupied without a vehicle, `zero_occ_pos_flow` vehicles without occupancy;
    `min_occ_delta_4h` is the least sum of changes of occupancy over any four hours, None when not computed.
    """

    samples: int
    zero_flow: int
    zero_occ: int
    high_occ: int
    high_flow: int
    zero_flow_pos_occ: int
    zero_occ_pos_flow: int
    min_occ_delta_4h: Number | None


def status(kind: Kind, day: Day, setting: Setting = Setting.URBAN) -> Status:
    """A detector's state for a day (Caltrans PeMS, detector_status). Raises ValueError for a negative sample count.

    Mainline: Card Off from 59 % (rural 90, low volume 100) zero occupancy, High Val from 20 % above 0.7, Intermittent
    from 2 % flowless occupancy or 50 % flow without, Constant when four hours changed by less than 1e-5. Ramp: Card Off
    from 95 % (low volume 100) zero flow, High Val from 20 % above 20 vehicles in 30 s.
    """
    if day.samples < 0:
        raise ValueError(f"{day.samples} samples")
    if day.samples == 0:
        return Status.DOWN
    if 100 * day.samples <= _ENOUGH_PCT * SAMPLES_POSSIBLE:
        return Status.INSUFFICIENT
    is_mainline = kind is Kind.MAINLINE

    def reaches(count: int, percent: int) -> bool:
        return 100 * count >= percent * day.samples

    if reaches(day.zero_occ if is_mainline else day.zero_flow, _ZERO_PCT[kind, setting]):
        return Status.CARD_OFF
    if reaches(day.high_occ if is_mainline else day.high_flow, _HIGH_PCT):
        return Status.HIGH_VAL
    if is_mainline and (
        reaches(day.zero_flow_pos_occ, _ZERO_FLOW_POS_OCC_PCT) or reaches(day.zero_occ_pos_flow, _ZERO_OCC_POS_FLOW_PCT)
    ):
        return Status.INTERMITTENT
    if is_mainline and day.min_occ_delta_4h is not None and exact(day.min_occ_delta_4h) < _CONSTANT_BELOW:
        return Status.CONSTANT
    return Status.GOOD


def g_factor_speed_mph(
    volume_per_5min: Number | None, occupancy: Number | None, effective_length_ft: Number = EFFECTIVE_LENGTH_FT
) -> float | None:
    """Speed from a single loop's count and occupancy 0 to 1 in five minutes of one lane (Caltrans PeMS g-factor).

    v = N g / (occ T): N * ft / occ * 12 / 5280. None when either is missing or occupancy is 0. Raises ValueError for
    negative values, occupancy above 1 and a length not above 0.
    """
    if not effective_length_ft > 0:
        raise ValueError(f"an effective length of {effective_length_ft} ft")
    if volume_per_5min is None or occupancy is None:
        return None
    if volume_per_5min < 0 or not 0 <= occupancy <= 1:
        raise ValueError(f"{volume_per_5min} vehicles at occupancy {occupancy}: below 0, or percent for a ratio")
    if occupancy == 0:
        return None
    feet_per_5min = exact(volume_per_5min) * exact(effective_length_ft) / exact(occupancy)
    return float(feet_per_5min * _FIVE_MIN_PER_HOUR / _FEET_PER_MILE)
