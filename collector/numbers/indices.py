"""Indices of a station's hours and days: hourly means become values of HJ 633, the US AQI, the EAQI, the DAQI. Pure.

Each standard asks for its own means: the hour itself, eight hours, twenty-four, NowCast's twelve, a natural day's
largest eight-hour mean of ozone. They are made here of valid hourly means (45 minutes); the scales are in `measures`.
The UK's 15-minute SO2 is not made of hours and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from statistics import fmean
from typing import Any, Final

from collector.numbers.means import DECIMALS
from collector.numbers.reporting import Reporting, Standard
from collector.numbers.windows import HOUR_MS, valid_hour
from measures import china_aqi, eu_aqi, uk_daqi, us_aqi
from measures.china_aqi import IN_FORCE_2012, IN_FORCE_2026, Report
from measures.completeness import EU_8H, EU_DAY, GB_8H, GB_DAY, US_8H_MAX, US_DAY, Rule, is_mda8_valid
from measures.gases import CHINA_25C, EU_20C, ReferenceState, between_states, converted
from measures.index import OF_QUANTITY, Concentration, Index, NotInStandard
from measures.nowcast import HOURS as NOWCAST_HOURS
from measures.nowcast import nowcast
from measures.rounding import truncated

Hours = Mapping[int, Mapping[str, Any]]
"""Start of hour to the fields of its window."""

LOOK_BACK_MS: Final = 24 * HOUR_MS
"""How far before an hour its indices look; a late hour changes the indices of as many hours after it."""
CHINA_25C_FROM: Final = date(2018, 9, 1)
"""Since then GB 3095 means gases at 298.15 K (amendment of 2018), before at 273.15 K."""
O3_LIMIT_UGM3: Final = 160
"""GB 3095 class 2, 8-hour daily maximum: above it a day counts although hours are missing (HJ 663-2013)."""
O3_US_PPM: Final = Decimal("0.070")
"""40 CFR 50.19, likewise (App. U); means are truncated to its digits."""
_PM: Final = ("pm25_ugm3", "pm10_ugm3")
_GASES: Final = ("no2_ugm3", "o3_ugm3", "so2_ugm3", "co_mgm3")
POLLUTANTS: Final = (*_PM, *_GASES)


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


NA: Final = "NA"
"""The category of an hour or day that is published without a number (HJ 633-2026 5.3.1)."""
FIELD_OF: Final = {pollutant: name.partition("_")[0] + "_index" for name, (pollutant, _) in OF_QUANTITY.items()}
WHOLE: Final = frozenset({"value", "level", *FIELD_OF.values()})
"""The fields of an index row that hold whole numbers."""


@dataclass(slots=True)
class _Means:
    """Means of one sensor around an hour. `shares` collects how complete those are that were asked for and given."""

    hours: Hours
    shares: list[float] = field(default_factory=list)

    def monitored(self, names: Iterable[str], first_ms: int, end_ms: int) -> list[str]:
        """The quantities that have a value in any hour of a span."""
        span = [fields for time_ms, fields in self.hours.items() if first_ms <= time_ms < end_ms]
        return [name for name in names if any(fields.get(name + "_mean") is not None for fields in span)]

    def hour(self, name: str, hour_ms: int) -> float | None:
        fields = self.hours.get(hour_ms, {})
        mean = valid_hour(fields, name)
        return self._given(mean, fields.get(name + "_n", 0), 60)

    def valid(self, name: str, first_ms: int, end_ms: int) -> list[float]:
        """The valid hourly means of a span."""
        found = (valid_hour(self.hours.get(time_ms, {}), name) for time_ms in range(first_ms, end_ms, HOUR_MS))
        return [mean for mean in found if mean is not None]

    def mean(self, name: str, first_ms: int, end_ms: int, rule: Rule) -> float | None:
        values = self.valid(name, first_ms, end_ms)
        mean = round(fmean(values), DECIMALS) if values and rule.is_met(len(values)) else None
        return self._given(mean, len(values), (end_ms - first_ms) // HOUR_MS)

    def running(self, name: str, hour_ms: int, hours: int, rule: Rule) -> float | None:
        """The mean of the hours that end with this one."""
        return self.mean(name, hour_ms - (hours - 1) * HOUR_MS, hour_ms + HOUR_MS, rule)

    def largest(self, name: str, first_ms: int, end_ms: int, rule: Rule | None = None) -> float | None:
        """The largest hourly mean of a span; a `rule` says of how many it must be."""
        values = self.valid(name, first_ms, end_ms)
        largest = max(values, default=None) if rule is None or rule.is_met(len(values)) else None
        return self._given(largest, len(values), (end_ms - first_ms) // HOUR_MS)

    def largest_8h(
        self, name: str, first_ms: int, count: int, rule: Rule, enough: Callable[[int, float | None], bool]
    ) -> float | None:
        """The largest of `count` eight-hour means, the first of which begins at `first_ms`."""
        means = []
        for start_ms in range(first_ms, first_ms + count * HOUR_MS, HOUR_MS):
            values = self.valid(name, start_ms, start_ms + 8 * HOUR_MS)
            if rule.is_met(len(values)):
                means.append(round(fmean(values), DECIMALS))
        found = max(means, default=None)
        return self._given(found if enough(len(means), found) else None, len(means), count)

    def _given(self, mean: float | None, there: int, expected: int) -> float | None:
        if mean is not None:
            self.shares.append(min(1.0, there / expected))
        return mean


def hourly(standard: Standard, reporting: Reporting, hours: Hours, hour_ms: int) -> Scored | None:
    """The index of an hour under a standard; None where it has nothing to say."""
    means = _Means(hours)
    make = _HOURLY[standard.partition("-")[0]]
    return _scored(lambda: make(means, standard, reporting, hour_ms), means)


def daily(standard: Standard, reporting: Reporting, hours: Hours, day: tuple[int, int]) -> Scored | None:
    """The index of a local calendar day; None where there is nothing to say. EAQI and DAQI are of hours only."""
    make = _DAILY.get(standard.partition("-")[0])
    if make is None:
        return None
    means = _Means(hours)
    return _scored(lambda: make(means, standard, reporting, day), means)


_Made = tuple[Index | None, dict[str, Index]]


def _scored(make: Callable[[], _Made], means: _Means) -> Scored | None:
    try:
        index, parts = make()
    except NotInStandard:
        raise
    except ValueError:  # a time before the standard's first edition
        return None
    of = index or next(iter(parts.values()), None)
    if of is None:
        return None
    values = {pollutant: part.value for pollutant, part in parts.items()}
    return Scored(of.standard, of.edition, index, values, round(min(means.shares, default=0.0), DECIMALS))


def _believed(
    given: Iterable[Concentration], sub_index: Callable[[Concentration], Index | None]
) -> list[Concentration]:
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


def _at(target: ReferenceState, name: str, averaging: str, mean: float | None, state: ReferenceState) -> Concentration:
    """A mean stored at `state` as a standard means it; particles have no such state."""
    if mean is not None and name not in _PM and state.litres_per_mol != target.litres_per_mol:
        mean = round(between_states(mean, state, target), DECIMALS)
    return Concentration.of_quantity(name, averaging, mean)


# China


def edition_day(standard: Standard, reporting: Reporting, time_ms: int) -> date:
    """A day that chooses the edition: the day itself, or the first day of the edition that the station names."""
    if standard == "china-2012":
        return IN_FORCE_2012
    if standard == "china-2026":
        return IN_FORCE_2026
    return datetime.fromtimestamp(time_ms / 1000, reporting.zone).date()


def _china_state(reporting: Reporting, time_ms: int) -> ReferenceState:
    """What GB 3095 means gases at. Older readings are filled in as they were published, and taken as they stand."""
    return CHINA_25C if edition_day("china", reporting, time_ms) >= CHINA_25C_FROM else reporting.state


def _china_hour(means: _Means, standard: Standard, reporting: Reporting, hour_ms: int) -> _Made:
    on, target = edition_day(standard, reporting, hour_ms), _china_state(reporting, hour_ms)

    def of(name: str, averaging: str, mean: float | None) -> Concentration:
        return _at(target, name, averaging, mean, reporting.state)

    names = means.monitored(POLLUTANTS, hour_ms - LOOK_BACK_MS + HOUR_MS, hour_ms + HOUR_MS)
    if china_aqi.scale(on) is china_aqi.HJ_633_2026:
        given = [of(name, "1h", means.hour(name, hour_ms)) for name in names]
        return _china(given, Report.REALTIME, on)
    given = [of(name, "24h", means.running(name, hour_ms, 24, GB_DAY)) for name in names if name in (*_PM, "so2_ugm3")]
    given += [of(name, "1h", means.hour(name, hour_ms)) for name in names if name in _GASES]
    given += [of(name, "8h", means.running(name, hour_ms, 8, GB_8H)) for name in names if name == "o3_ugm3"]
    return _china(given, Report.REALTIME, on)


def _china_day(means: _Means, standard: Standard, reporting: Reporting, day: tuple[int, int]) -> _Made:
    on, target, state = edition_day(standard, reporting, day[0]), _china_state(reporting, day[0]), reporting.state
    limit_ugm3 = between_states(O3_LIMIT_UGM3, target, state)
    given = []
    for name in means.monitored(POLLUTANTS, *day):
        if name == "o3_ugm3":
            windows = (day[1] - day[0]) // HOUR_MS - 7
            largest = means.largest_8h(name, day[0], windows, GB_8H, lambda n, top: is_mda8_valid(n, top, limit_ugm3))
            given.append(_at(target, name, "8h", largest, state))
            if china_aqi.scale(on) is china_aqi.HJ_633_2012:
                given.append(_at(target, name, "1h", means.largest(name, *day), state))
        else:
            given.append(_at(target, name, "24h", means.mean(name, *day, GB_DAY), state))
    return _china(given, Report.DAILY, on)


def _china(given: list[Concentration], report: Report, on: date) -> _Made:
    found = china_aqi.aqi(_believed(given, lambda one: china_aqi.sub_index(one, on)), report, on)
    return found.index, {pollutant: index for pollutant, index in found.iaqi.items() if index is not None}


# United States

_US_UNIT: Final = {"no2_ugm3": "ppb", "so2_ugm3": "ppb", "o3_ugm3": "ppm", "co_mgm3": "ppm"}
_PPB_DECIMALS, _PPM_DECIMALS = 4, 7
"""A conversion's float noise must not fall below a breakpoint before the truncation."""


def _us_hour(means: _Means, _: Standard, reporting: Reporting, hour_ms: int) -> _Made:
    names = means.monitored(POLLUTANTS, hour_ms - LOOK_BACK_MS + HOUR_MS, hour_ms + HOUR_MS)
    given = []
    for name in names:
        if name in _PM:
            pollutant = OF_QUANTITY[name][0]
            newest = hour_ms - (NOWCAST_HOURS - 1) * HOUR_MS
            stored = (valid_hour(means.hours.get(newest + n * HOUR_MS, {}), name) for n in range(NOWCAST_HOURS))
            believed = _believed((Concentration.of_quantity(name, "24h", v) for v in stored), us_aqi.sub_index)
            hours = [one.value for one in believed]  # NowCast is read off the 24-hour column
            cast = nowcast(pollutant, hours)
            if cast is not None:
                means.shares.append(sum(hour is not None for hour in hours) / NOWCAST_HOURS)
                given.append(cast.concentration)
        if name in ("o3_ugm3", "co_mgm3"):
            given.append(_us_gas(name, "8h", means.running(name, hour_ms, 8, EU_8H), reporting.state))
        if name in ("o3_ugm3", "so2_ugm3", "no2_ugm3"):
            given.append(_us_gas(name, "1h", means.hour(name, hour_ms), reporting.state))
        if name == "so2_ugm3":
            given.append(_us_gas(name, "24h", means.running(name, hour_ms, 24, US_DAY), reporting.state))
    return _us(given)


def _us_day(means: _Means, _: Standard, reporting: Reporting, day: tuple[int, int]) -> _Made:
    state, day = reporting.state, _in_standard_time(day, reporting)
    given = []
    for name in means.monitored(POLLUTANTS, *day):
        if name in _PM:
            given.append(Concentration.of_quantity(name, "24h", means.mean(name, *day, US_DAY)))
        if name == "o3_ugm3":  # 17 means, beginning 07:00 to 23:00 (40 CFR 50 App. U)
            first_ms = day[0] + 7 * HOUR_MS
            largest = means.largest_8h(name, first_ms, 17, EU_8H, lambda n, top: _is_us_mda8(n, top, state))
            given.append(_us_gas(name, "8h", largest, state))
        if name == "co_mgm3":  # 24 means, ending in each hour of the day (AQS: "8-hr run avg end hour")
            largest = means.largest_8h(name, day[0] - 7 * HOUR_MS, 24, EU_8H, lambda n, _: US_DAY.is_met(n))
            given.append(_us_gas(name, "8h", largest, state))
        if name in ("o3_ugm3", "so2_ugm3", "no2_ugm3"):
            given.append(_us_gas(name, "1h", means.largest(name, *day, US_DAY), state))
        if name == "so2_ugm3":
            given.append(_us_gas(name, "24h", means.mean(name, *day, US_DAY), state))
    return _us(given)


def _is_us_mda8(means_8h: int, largest_ugm3: float | None, state: ReferenceState) -> bool:
    ppm = _us_gas("o3_ugm3", "8h", largest_ugm3, state).value
    return is_mda8_valid(means_8h, None if ppm is None else truncated(ppm, 3), O3_US_PPM, US_8H_MAX)


def _in_standard_time(day: tuple[int, int], reporting: Reporting) -> tuple[int, int]:
    """The 24 hours from midnight to midnight of local standard time (40 CFR 50 App. N, S, T, U), also in summer."""
    local = datetime.fromtimestamp(day[0] / 1000, reporting.zone)  # 01:00 where the clock goes on at midnight
    standard = timezone((local.utcoffset() or timedelta()) - (local.dst() or timedelta()))
    midnight = datetime.combine(local, time(), standard)
    start_ms = round(midnight.timestamp() * 1000)
    return start_ms, start_ms + 24 * HOUR_MS


def _us_gas(name: str, averaging: str, mean: float | None, state: ReferenceState) -> Concentration:
    unit = _US_UNIT[name]
    found = converted(Concentration.of_quantity(name, averaging, mean), unit, state)
    decimals = _PPM_DECIMALS if unit == "ppm" else _PPB_DECIMALS
    value = None if found.value is None else round(float(found.value), decimals)
    return Concentration(found.pollutant, averaging, value, unit)


def _us(given: list[Concentration]) -> _Made:
    given = _believed(given, us_aqi.sub_index)
    parts: dict[str, Index] = {}
    for (pollutant, _), index in us_aqi.sub_indices(given).items():
        if pollutant not in parts or index.value > parts[pollutant].value:
            parts[pollutant] = index
    return us_aqi.overall(given), parts


# Europe


def _eu_hour(means: _Means, _: Standard, reporting: Reporting, hour_ms: int) -> _Made:
    names = (*_PM, "no2_ugm3", "o3_ugm3", "so2_ugm3")
    given = [_at_20c(name, "1h", means.hour(name, hour_ms), reporting.state) for name in names]
    return _of_bands(given, eu_aqi.sub_index, eu_aqi.overall)


def _uk_hour(means: _Means, _: Standard, reporting: Reporting, hour_ms: int) -> _Made:
    state = reporting.state
    given = [_at_20c(name, "24h", means.running(name, hour_ms, 24, EU_DAY), state) for name in _PM]
    given.append(_at_20c("no2_ugm3", "1h", means.hour("no2_ugm3", hour_ms), state))
    given.append(_at_20c("o3_ugm3", "8h", means.running("o3_ugm3", hour_ms, 8, EU_8H), state))
    return _of_bands(given, uk_daqi.sub_index, uk_daqi.overall)


def _of_bands(
    given: list[Concentration],
    sub_index: Callable[[Concentration], Index | None],
    overall: Callable[[Iterable[Concentration]], Index | None],
) -> _Made:
    given = _believed(given, sub_index)
    return overall(given), {one.pollutant: index for one in given if (index := sub_index(one)) is not None}


def _at_20c(name: str, averaging: str, mean: float | None, state: ReferenceState) -> Concentration:
    """EAQI and DAQI mean gases at 20 °C (2008/50/EC Annex VI C)."""
    return _at(EU_20C, name, averaging, mean, state)


_HOURLY: Final[dict[str, Callable[[_Means, Standard, Reporting, int], _Made]]] = {
    "china": _china_hour,
    "us": _us_hour,
    "eu": _eu_hour,
    "uk": _uk_hour,
}
_DAILY: Final[dict[str, Callable[[_Means, Standard, Reporting, tuple[int, int]], _Made]]] = {
    "china": _china_day,
    "us": _us_day,
}
