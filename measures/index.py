"""What goes into an air-quality index and what comes out: two types that cannot be taken for each other.

A `Concentration` has a pollutant, an averaging time and a unit; an `Index` has a standard and an edition, and its value
means nothing without them. The scales themselves live in one module each. What several of them share is here: the
straight line between breakpoints, the look-up of a band, and what is done with a value below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from measures.rounding import Number, exact, half_up
from wire.quantities import QUANTITIES

POLLUTANTS: Final = ("PM2.5", "PM10", "NO2", "O3", "SO2", "CO")
OF_QUANTITY: Final = {
    "pm25_ugm3": ("PM2.5", "ug/m3"),
    "pm10_ugm3": ("PM10", "ug/m3"),
    "no2_ugm3": ("NO2", "ug/m3"),
    "o3_ugm3": ("O3", "ug/m3"),
    "so2_ugm3": ("SO2", "ug/m3"),
    "co_mgm3": ("CO", "mg/m3"),
}
"""Name of a stored quantity (wire.quantities) to the pollutant and unit that standards speak of."""
INDEXED: Final = OF_QUANTITY.keys() | {QUANTITIES[name].raw for name in OF_QUANTITY}
"""These, and what sensors say in their place."""


@dataclass(frozen=True, slots=True)
class Concentration:
    """A mean over an averaging time (`15min`, `1h`, `8h`, `24h`) in `ug/m3`, `mg/m3`, `ppb` or `ppm`.

    `value` is None where the pollutant is monitored but the mean is missing or invalid.
    """

    pollutant: str
    averaging: str
    value: Number | None
    unit: str

    @property
    def key(self) -> tuple[str, str]:
        """Pollutant and averaging time, by which tables are looked up."""
        return (self.pollutant, self.averaging)

    @classmethod
    def of_quantity(cls, name: str, averaging: str, value: Number | None) -> Concentration:
        """The mean over `averaging` of a quantity in OF_QUANTITY. Raises KeyError for one that no index speaks of."""
        pollutant, unit = OF_QUANTITY[name]
        return cls(pollutant, averaging, value, unit)


@dataclass(frozen=True, slots=True)
class Index:
    """A value on one edition of one standard's scale; `level` counts its categories from 1, `colour` is #RRGGBB.

    `primary` names what the value is due to, all of them where several tie, none where the standard names none.
    """

    value: int
    category: str
    level: int
    primary: tuple[str, ...]
    standard: str
    edition: str
    colour: str


@dataclass(frozen=True, slots=True)
class Band:
    """A category of a scale, up to and including index value `top` (None: open)."""

    top: int | None
    category: str
    colour: str


@dataclass(frozen=True, slots=True)
class Scale:
    """One edition of a standard with its categories, lowest first."""

    standard: str
    edition: str
    bands: tuple[Band, ...]

    def at(self, value: int, primary: Iterable[str] = ()) -> Index:
        """The index of this value. Raises ValueError for a value below the scale or above its closed top."""
        for level, band in enumerate(self.bands, start=1):
            if value >= 0 and (band.top is None or value <= band.top):
                names = tuple(sorted(primary))
                return Index(value, band.category, level, names, self.standard, self.edition, band.colour)
        raise ValueError(f"{value} is no value of {self.standard} {self.edition}")


class NotInStandard(ValueError):
    """The standard's table has no such pollutant and averaging time, or wants another unit; the text says which."""


def known(concentration: Concentration, unit: str | None, noise: Number, standard: str) -> Fraction | None:
    """The exact value, not below zero, of a concentration that a table holds in `unit`; None when missing.

    Raises NotInStandard when the table has no such entry (`unit` None) or another unit. Sensors and corrections give
    values slightly below zero in clean air; they count as 0, as AirNow counts them. A value lower than `noise` below
    zero, the width of the standard's cleanest band, is no noise but a code such as -999, and raises ValueError:
    it must not become the best air in town.
    """
    what = f"{concentration.pollutant} {concentration.averaging}"
    if unit is None:
        raise NotInStandard(f"{standard} has no {what} mean")
    if concentration.unit != unit:
        raise NotInStandard(f"{standard} wants {what} in {unit}, not {concentration.unit}: convert it with its state")
    if concentration.value is None:
        return None
    value = exact(concentration.value)
    if value < -exact(noise):
        raise ValueError(f"{what} of {concentration.value} {unit} is no concentration: flag it as missing first")
    return max(value, Fraction(0))


def on_line(value: Number, start: tuple[Number, Number], end: tuple[Number, Number]) -> Fraction:
    """The straight line through `start` and `end`, each (concentration, index), at `value`; exact."""
    (x0, y0), (x1, y1) = (map(exact, start), map(exact, end))
    return (y1 - y0) / (x1 - x0) * (exact(value) - x0) + y0


def on_knots(value: Number, knots: Sequence[tuple[Number, Number]]) -> Fraction | None:
    """The broken line through (concentration, index) knots at `value`; None beyond the last knot."""
    for start, end in pairwise(knots):
        if value <= end[0]:
            return on_line(value, start, end)
    return None


def worst(indices: Iterable[Index]) -> tuple[int, tuple[str, ...]] | None:
    """The highest value and every pollutant that has it; None without any index."""
    found = list(indices)
    if not found:
        return None
    highest = max(index.value for index in found)
    return highest, tuple(dict.fromkeys(name for i in found if i.value == highest for name in i.primary))


@dataclass(frozen=True, slots=True)
class BandTable:
    """A scale whose value is the number of the band that a concentration in µg/m³ falls into; the worst one wins.

    `tops` are inclusive. The tables speak of whole µg/m³ (0-5, 6-15): other values go to the nearest, halves up.
    """

    scale: Scale
    tops: Mapping[tuple[str, str], tuple[int, ...]]

    def sub_index(self, concentration: Concentration) -> Index | None:
        """The band of one mean; None when missing. Raises NotInStandard."""
        tops = self.tops.get(concentration.key, ())
        value = known(concentration, "ug/m3" if tops else None, tops[0] if tops else 0, self.scale.standard)
        if value is None:
            return None
        whole = half_up(value)
        return self.scale.at(1 + sum(whole > top for top in tops), (concentration.pollutant,))

    def overall(self, concentrations: Iterable[Concentration]) -> Index | None:
        """The worst band and the pollutants in it; None when no mean is there. Raises NotInStandard."""
        top = worst(index for c in concentrations if (index := self.sub_index(c)) is not None)
        return None if top is None else self.scale.at(*top)
