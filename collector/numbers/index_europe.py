"""The EEA's EAQI and the UK's DAQI of a station's hour; neither has an index of a day. Pure.

The UK's 15-minute SO2 is not made of hours and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from collector.numbers.hour_means import HourMeans
from collector.numbers.pollutants import PARTICLES, Made, at_state, believed
from collector.numbers.reporting import Reporting, Standard
from measures import eu_aqi, uk_daqi
from measures.completeness import EU_8H, EU_DAY
from measures.gases import EU_20C, ReferenceState
from measures.index import Concentration, Index


def eu_hour_index(means: HourMeans, _: Standard, reporting: Reporting, hour_ms: int) -> Made:
    """The EAQI of an hour: each pollutant by its mean of that hour."""
    names = (*PARTICLES, "no2_ugm3", "o3_ugm3", "so2_ugm3")
    given = [_at_20c(name, "1h", means.hour(name, hour_ms), reporting.state) for name in names]
    return eu_aqi.SCALE, *_of_bands(given, eu_aqi.sub_index, eu_aqi.overall)


def uk_hour_index(means: HourMeans, _: Standard, reporting: Reporting, hour_ms: int) -> Made:
    """The DAQI of an hour: particles of a day, ozone of eight hours, nitrogen dioxide of the hour."""
    state = reporting.state
    given = [_at_20c(name, "24h", means.running(name, hour_ms, 24, EU_DAY), state) for name in PARTICLES]
    given.append(_at_20c("no2_ugm3", "1h", means.hour("no2_ugm3", hour_ms), state))
    given.append(_at_20c("o3_ugm3", "8h", means.running("o3_ugm3", hour_ms, 8, EU_8H), state))
    return uk_daqi.SCALE, *_of_bands(given, uk_daqi.sub_index, uk_daqi.overall)


def _of_bands(
    given: list[Concentration],
    sub_index: Callable[[Concentration], Index | None],
    overall: Callable[[Iterable[Concentration]], Index | None],
) -> tuple[Index | None, dict[str, Index]]:
    given = believed(given, sub_index)
    return overall(given), {one.pollutant: index for one in given if (index := sub_index(one)) is not None}


def _at_20c(name: str, averaging: str, mean: float | None, state: ReferenceState) -> Concentration:
    """EAQI and DAQI mean gases at 20 °C (2008/50/EC Annex VI C)."""
    return at_state(EU_20C, name, averaging, mean, state)
