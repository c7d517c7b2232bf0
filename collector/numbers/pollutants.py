"""The pollutants of an index as its standard takes them: at its own temperature, without a drifted sensor's. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from collector.numbers.means import DECIMALS
from measures.gases import ReferenceState, between_states
from measures.index import Concentration, Index, NotInStandard, Scale

PARTICLES: Final = ("pm25_ugm3", "pm10_ugm3")
GASES: Final = ("no2_ugm3", "o3_ugm3", "so2_ugm3", "co_mgm3")
POLLUTANTS: Final = (*PARTICLES, *GASES)

Made = tuple[Scale, Index | None, Mapping[str, Index | None]]
"""The scale, an index on it, and that of each pollutant: None where it is missing and the standard asks for it."""


def believed(given: Iterable[Concentration], sub_index: Callable[[Concentration], Index | None]) -> list[Concentration]:
    """The means, those missing that lie so far below zero that `sub_index` calls them codes.

    One pollutant's drifted sensor takes away its own part of the index, and nobody else's.
    """
    return [replace(one, value=None) if _is_code(one, sub_index) else one for one in given]


def _is_code(one: Concentration, sub_index: Callable[[Concentration], Index | None]) -> bool:
    if one.value is None or one.value >= 0:
        return False
    try:
        sub_index(one)
    except NotInStandard:
        raise
    except ValueError:
        return True
    return False


def at_state(
    target: ReferenceState, name: str, averaging: str, mean: float | None, state: ReferenceState
) -> Concentration:
    """A mean stored at `state` as a standard means it; particles have no such state."""
    if mean is not None and name not in PARTICLES and state.litres_per_mol != target.litres_per_mol:
        mean = round(between_states(mean, state, target), DECIMALS)
    return Concentration.of_quantity(name, averaging, mean)
