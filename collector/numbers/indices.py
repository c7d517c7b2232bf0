"""Indices of a station's hours and days: hourly means become values of HJ 633, the US AQI, the EAQI, the DAQI. Pure.

Each standard asks for its own means (hour_means.py): the hour itself, eight hours, twenty-four, NowCast's twelve, a
natural day's largest eight-hour mean of ozone. How it puts them together stands in index_china.py, index_us.py and
index_europe.py; the scales are in `measures`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from collector.numbers import index_china, index_europe, index_us
from collector.numbers.hour_means import HourMeans, Hours
from collector.numbers.means import DECIMALS
from collector.numbers.pollutants import Made
from collector.numbers.reporting import Reporting, Standard
from measures.index import OF_QUANTITY, Index, NotInStandard

NA: Final = "NA"
"""The category of an hour or day that is published without a number (HJ 633-2026 5.3.1)."""
UNPUBLISHED: Final = {"category": NA}
"""What whoever asks for numbers leaves out: where late readings made it so, the one of before stands beside it."""
FIELD_OF: Final = {pollutant: name.partition("_")[0] + "_index" for name, (pollutant, _) in OF_QUANTITY.items()}
WHOLE: Final = frozenset({"value", "level", *FIELD_OF.values()})
"""The fields of an index row that hold whole numbers."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An index with the sub-index of each pollutant, and how complete the scantiest mean in it is.

    Without an index there are sub-indices, but a pollutant is missing that may hide the answer: HJ 633-2026 5.3.1
    publishes such an hour or day as NA.
    """

    standard: str
    edition: str
    index: Index | None
    parts: dict[str, int]
    completeness: float

    def fields(self) -> dict[str, Any]:
        """What is stored, beside the tags standard and edition."""
        parts = {FIELD_OF[pollutant]: value for pollutant, value in self.parts.items()}
        if self.index is None:
            return {"category": NA, "primary": "-", "completeness": self.completeness, **parts}
        return {
            "value": self.index.value,
            "category": self.index.category,
            "level": self.index.level,
            "primary": ",".join(self.index.primary) or "-",
            "completeness": self.completeness,
            **parts,
        }


_HOURLY: Final[dict[str, Callable[[HourMeans, Standard, Reporting, int], Made]]] = {
    "china": index_china.hour_index,
    "us": index_us.hour_index,
    "eu": index_europe.eu_hour_index,
    "uk": index_europe.uk_hour_index,
}
_DAILY: Final[dict[str, Callable[[HourMeans, Standard, Reporting, tuple[int, int]], Made]]] = {
    "china": index_china.day_index,
    "us": index_us.day_index,
}


def hourly(standard: Standard, reporting: Reporting, hours: Hours, hour_ms: int) -> Scored | None:
    """The index of an hour under a standard; None where it has nothing to say."""
    means = HourMeans(hours)
    make = _HOURLY[standard.partition("-")[0]]
    return _scored(lambda: make(means, standard, reporting, hour_ms), means)


def daily(standard: Standard, reporting: Reporting, hours: Hours, day: tuple[int, int]) -> Scored | None:
    """The index of a local calendar day; None where there is nothing to say. EAQI and DAQI are of hours only."""
    make = _DAILY.get(standard.partition("-")[0])
    if make is None:
        return None
    means = HourMeans(hours)
    return _scored(lambda: make(means, standard, reporting, day), means)


def _scored(make: Callable[[], Made], means: HourMeans) -> Scored | None:
    try:
        scale, index, parts = make()
    except NotInStandard:
        raise
    except ValueError:  # a time before the standard's first edition
        return None
    if index is None and not parts:
        return None
    values = {pollutant: part.value for pollutant, part in parts.items() if part is not None}
    return Scored(scale.standard, scale.edition, index, values, round(min(means.shares, default=0.0), DECIMALS))
