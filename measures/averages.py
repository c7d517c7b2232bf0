"""Means of what does not simply add up: directions go round, sound adds up as energy. Pure.

The middle of 350° and 10° is north, not south: directions are added as unit vectors (WMO-No. 8, wind). Half a minute of
80 dB and half of 60 dB sound like 77 dB, not 70: an equivalent level is that of the mean energy (ISO 1996-1, GB 3096).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

DIRECTIONS: Final = frozenset({"wind_dir_deg", "wind_dir_min_deg", "wind_dir_max_deg", "course_deg"})
LEVELS: Final = frozenset({"noise_db"})
"""Stored quantities (wire.quantities) that are averaged as directions, and as levels."""


def mean_direction_deg(degrees: Sequence[float]) -> float | None:
    """The middle of directions, 0 to below 360; None of none, and where they cancel out."""
    sines = math.fsum(math.sin(math.radians(one)) for one in degrees)
    cosines = math.fsum(math.cos(math.radians(one)) for one in degrees)
    return direction_deg(len(degrees), sines, cosines)


def direction_deg(count: float, sines: float, cosines: float) -> float | None:
    """The direction of `count` unit vectors from the sums of their parts; None where they cancel out."""
    if math.hypot(sines, cosines) <= 1e-9 * count:
        return None
    return round(math.degrees(math.atan2(sines, cosines)) % 360, 3) % 360


def energy(level_db: float) -> float:
    """What of a level may be added up and averaged, in units of the reference's. Beyond ±1000 dB there is no sound."""
    return float(10.0 ** (max(-1000.0, min(level_db, 1000.0)) / 10))


def level_db(energy_mean: float) -> float:
    """The level of a mean energy above 0."""
    return 10 * math.log10(energy_mean)


def equivalent_level_db(levels_db: Sequence[float]) -> float | None:
    """Leq of levels that each hold for the same time; None of none."""
    return level_db(math.fsum(map(energy, levels_db)) / len(levels_db)) if levels_db else None


def mean_of(quantity: str, values: Sequence[float]) -> float | None:
    """The mean of a stored quantity's values, as it is averaged; None of none, and of directions that cancel out."""
    if quantity in DIRECTIONS:
        return mean_direction_deg(values)
    if quantity in LEVELS:
        return equivalent_level_db(values)
    return sum(values) / len(values) if values else None
