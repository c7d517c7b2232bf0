"""The indices of hours and days, read once more from the standards' texts and reckoned in fractions.

Shares nothing with `measures/` and `collector/numbers/` but the names of fields; the tables are those that the tests
have copied from print. Times are starts of hours in hours since 1970.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.measures import test_tables as print_

FIELDS = {
    "PM2.5": "pm25_ugm3",
    "PM10": "pm10_ugm3",
    "NO2": "no2_ugm3",
    "O3": "o3_ugm3",
    "SO2": "so2_ugm3",
    "CO": "co_mgm3",
}
GASES = ("NO2", "O3", "SO2", "CO")
MOLAR_MASS = {"O3": "47.998", "NO2": "46.0055", "SO2": "64.064", "CO": "28.010"}
GAS_CONSTANT = Fraction("8.314462618")
KELVIN = {"0C": Fraction("273.15"), "20C": Fraction("293.15"), "25C": Fraction("298.15")}
Given = list[tuple[str, str, Fraction | None]]
"""Pollutant, averaging time and mean; None where it is missing."""
Read = tuple[int | None, dict[str, int], tuple[str, ...], float] | None
"""Index (None: NA), sub-indices, primary pollutants, completeness; None where there is nothing to say."""


@dataclass
class Air:
    """The stored hours of one sensor, its gases at `state`. `shares`: how complete each mean was that was given."""

    hours: Mapping[int, Mapping[str, Any]]
    state: str
    shares: list[Fraction] = field(default_factory=list)

    def monitored(self, first: int, count: int) -> list[str]:
        span = [self.hours.get(hour, {}) for hour in range(first, first + count)]
        return [name for name, text in FIELDS.items() if any(text + "_mean" in fields for fields in span)]

    def hour(self, name: str, hour: int) -> Fraction | None:
        """The mean of an hour of which 45 minutes were sampled."""
        fields, text = self.hours.get(hour, {}), FIELDS[name]
        minutes = fields.get(text + "_n", 0)
        return self._given(Fraction(str(fields[text + "_mean"])), minutes, 60) if minutes >= 45 else None

    def valid(self, name: str, first: int, count: int) -> list[Fraction]:
        kept = len(self.shares)
        found = [mean for hour in range(first, first + count) if (mean := self.hour(name, hour)) is not None]
        del self.shares[kept:]
        return found

    def mean(self, name: str, first: int, count: int, needed: int) -> Fraction | None:
        values = self.valid(name, first, count)
        return self._given(sum(values) / Fraction(len(values)), len(values), count) if len(values) >= needed else None

    def largest(self, name: str, first: int, count: int, needed: int) -> Fraction | None:
        values = self.valid(name, first, count)
        return self._given(max(values), len(values), count) if len(values) >= needed else None

    def largest_8h(self, name: str, first: int, count: int, enough: Callable[[int, Fraction], bool]) -> Fraction | None:
        """Of `count` means of eight hours with six valid ones, the first of which begins at `first`."""
        eights = [values for hour in range(first, first + count) if len(values := self.valid(name, hour, 8)) >= 6]
        means = [sum(values) / Fraction(len(values)) for values in eights]
        return self._given(max(means), len(means), count) if means and enough(len(means), max(means)) else None

    def at(self, state: str, name: str, mean: Fraction | None) -> Fraction | None:
        """A gas's mass at another temperature."""
        return mean if mean is None or name not in GASES else mean * KELVIN[self.state] / KELVIN[state]

    def ratio(self, name: str, mean: Fraction | None) -> Fraction | None:
        """A gas in ppb, carbon monoxide in ppm; stored means are sure to the fifth decimal of these."""
        if mean is None or name not in GASES:
            return mean
        litres = GAS_CONSTANT * KELVIN[self.state] * 10 / Fraction("1013.25")
        return _half_up(mean * litres / Fraction(MOLAR_MASS[name]), 5)

    def _given(self, mean: Fraction, there: int, expected: int) -> Fraction:
        self.shares.append(min(Fraction(1), Fraction(there, expected)))
        return mean

    def read(self, index: int | None, parts: dict[str, int], named: bool = True) -> Read:
        top = max(parts.values(), default=0)
        primary = tuple(sorted(name for name, part in parts.items() if part == top)) if named else ()
        return index, parts, primary, round(float(min(self.shares, default=0)), 6)


# How the standards round


def _half_up(value: Fraction, decimals: int = 0) -> Fraction:
    return Fraction(math.floor(value * 10**decimals + Fraction(1, 2)), 10**decimals)


def _half_even(value: Fraction, decimals: int) -> Fraction:
    return Fraction(round(value * 10**decimals), 10**decimals)


def _cut(value: Fraction, decimals: int) -> Fraction:
    return Fraction(int(value * 10**decimals), 10**decimals)


def _tops(table: Mapping[str, str], name: str, averaging: str) -> list[Fraction]:
    """A printed column."""
    return next(
        [Fraction(top) for top in tops.split()] for key, tops in table.items() if key.split()[:2] == [name, averaging]
    )


# China: HJ 633


def china_hour(air: Air, hour: int, edition: int) -> Read:
    given: Given = []
    for name in air.monitored(hour - 23, 24):
        if edition == 2026 or name in GASES:
            given.append((name, "1h", air.hour(name, hour)))
        if edition == 2012 and name in ("PM2.5", "PM10", "SO2"):
            given.append((name, "24h", air.mean(name, hour - 23, 24, 20)))
        if edition == 2012 and name == "O3":
            given.append((name, "8h", air.mean(name, hour - 7, 8, 6)))
    return _china(air, given, edition)


def china_day(air: Air, first: int, count: int, edition: int) -> Read:
    given: Given = []
    for name in air.monitored(first, count):
        if name != "O3":
            given.append((name, "24h", air.mean(name, first, count, 20)))
            continue
        largest = air.largest_8h(name, first, count - 7, lambda n, top: _is_day_of_ozone(air, n, top))
        given.append((name, "8h", largest))
        if edition == 2012:
            given.append((name, "1h", air.largest(name, first, count, 20)))
    return _china(air, given, edition)


def _is_day_of_ozone(air: Air, count: int, top: Fraction) -> bool:
    """HJ 663-2013: 14 of the means, or fewer where the limit of class 2 is exceeded already."""
    mean = air.at("25C", "O3", top)
    return count >= 14 or (mean is not None and _half_even(mean, 0) > 160)


def _china(air: Air, given: Given, edition: int) -> Read:
    parts: dict[str, int] = {}
    missing = {name for name, _, _ in given}
    for name, averaging, mean in given:
        iaqi = _iaqi(name, averaging, air.at("25C", name, mean), edition)
        if iaqi is not None:
            missing.discard(name)
            parts[name] = max(iaqi, parts.get(name, 0))
    worst = max(parts.values(), default=0)
    if not given:
        return None
    if not parts or (edition == 2026 and missing and worst <= 100):
        return air.read(None, parts, named=False)
    return air.read(max(worst, 1), parts, named=worst > 50)


def _iaqi(name: str, averaging: str, mean: Fraction | None, edition: int) -> int | None:
    if mean is None:
        return None
    value = _half_even(max(mean, Fraction(0)), 1 if name == "CO" else 0)
    ends = _tops(print_.CHINA | (print_.PM_2026 if edition == 2026 else print_.PM_2012), name, averaging)
    low, below = Fraction(0), 0
    for top, index in zip(ends, (50, 100, 150, 200, 300, 400, 500), strict=False):
        if value <= top:
            return math.ceil((index - below) / (top - low) * (value - low) + below)
        low, below = top, index
    return below if edition == 2026 or below == 500 else None


# The United States: 40 CFR 58 App. G


def us_hour(air: Air, hour: int) -> Read:
    given: Given = []
    for name in air.monitored(hour - 23, 24):
        if name.startswith("PM"):
            given.append((name, "24h", _nowcast(air, name, hour)))
        if name in ("O3", "CO"):
            given.append((name, "8h", air.mean(name, hour - 7, 8, 6)))
        if name in ("O3", "SO2", "NO2"):
            given.append((name, "1h", air.hour(name, hour)))
        if name == "SO2":
            given.append((name, "24h", air.mean(name, hour - 23, 24, 18)))
    return _us(air, given)


def us_day(air: Air, midnight: int) -> Read:
    """The 24 hours from a midnight of standard time."""
    given: Given = []
    for name in air.monitored(midnight, 24):
        if name in ("PM2.5", "PM10", "SO2"):
            given.append((name, "24h", air.mean(name, midnight, 24, 18)))
        if name == "O3":
            given.append(
                (name, "8h", air.largest_8h(name, midnight + 7, 17, lambda n, top: _is_us_day_of_ozone(air, n, top)))
            )
        if name == "CO":
            given.append((name, "8h", air.largest_8h(name, midnight - 7, 24, lambda n, _: n >= 18)))
        if name in ("O3", "SO2", "NO2"):
            given.append((name, "1h", air.largest(name, midnight, 24, 18)))
    return _us(air, given)


def _is_us_day_of_ozone(air: Air, count: int, top: Fraction) -> bool:
    ppb = air.ratio("O3", top)
    assert ppb is not None
    return count >= 13 or _cut(ppb / 1000, 3) > Fraction("0.070")


def _nowcast(air: Air, name: str, hour: int) -> Fraction | None:
    newest_first = [air.valid(name, hour - age, 1) for age in range(12)]
    hours = {age: max(found[0], Fraction(0)) for age, found in enumerate(newest_first) if found}
    if len(hours.keys() & {0, 1, 2}) < 2:
        return None
    air.shares.append(Fraction(len(hours), 12))
    low, high = min(hours.values()), max(hours.values())
    weight = max(low / high, Fraction(1, 2)) if high else Fraction(1)
    total = sum((weight**age * value for age, value in hours.items()), Fraction(0))
    return total / sum(weight**age for age in hours)


def _us(air: Air, given: Given) -> Read:
    found: dict[tuple[str, str], int] = {}
    is_much_so2 = False
    for name, averaging, mean in given:
        value = air.ratio(name, mean)
        if value is not None:
            value = max(value / 1000 if name == "O3" else value, Fraction(0))
            is_much_so2 |= (name, averaging) == ("SO2", "1h") and value >= 305
            index = _us_index(name, averaging, value)
            if index is not None:
                found[name, averaging] = index
    if is_much_so2:
        found.setdefault(("SO2", "24h"), 200)
    parts = {name: max(part for key, part in found.items() if key[0] == name) for name, _ in found}
    return air.read(max(parts.values()), parts) if parts else None


def _us_index(name: str, averaging: str, mean: Fraction) -> int | None:
    decimals = {"O3": 3, "PM2.5": 1, "CO": 1}.get(name, 0)
    value, low, row = _cut(mean, decimals), Fraction(0), 0
    if (name, averaging) in (("O3", "1h"), ("SO2", "24h")):
        low, row = (Fraction("0.125"), 2) if name == "O3" else (Fraction(305), 4)
    rows = ((0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500))
    tops = _tops(print_.US | print_.US_FROM_THE_MIDDLE, name, averaging)
    for top, (index_low, index_high) in zip(tops, rows[row:], strict=False):
        if low <= value and (value <= top or index_high == 500):
            return int(_half_up((index_high - index_low) / (top - low) * (value - low) + index_low))
        if value < low:
            return None
        low = top + Fraction(1, 10**decimals)
    return None


# Europe and the United Kingdom


def eu_hour(air: Air, hour: int) -> Read:
    names = ("PM2.5", "PM10", "NO2", "O3", "SO2")
    return _bands(air, print_.EU, ((name, "1h", air.hour(name, hour)) for name in names))


def uk_hour(air: Air, hour: int) -> Read:
    given: Given = [(name, "24h", air.mean(name, hour - 23, 24, 18)) for name in ("PM2.5", "PM10")]
    given += [("NO2", "1h", air.hour("NO2", hour)), ("O3", "8h", air.mean("O3", hour - 7, 8, 6))]
    return _bands(air, print_.UK, given)


def _bands(air: Air, table: Mapping[str, str], given: Iterable[tuple[str, str, Fraction | None]]) -> Read:
    parts = {}
    for name, averaging, mean in given:
        value = air.at("20C", name, mean)
        if value is not None:
            whole = _half_up(max(value, Fraction(0)))
            parts[name] = 1 + sum(whole > top for top in _tops(table, name, averaging))
    return air.read(max(parts.values()), parts) if parts else None
