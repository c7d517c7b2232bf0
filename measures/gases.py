"""Gases between mixing ratio and mass, and between reference states; a state is always named, never assumed.

One ppb of NO2 is 1.88 µg/m³ in the US and China, 1.91 in the EU and 2.05 in Chinese data from before September 2018.
Mass is M p / (R T); particles have no state and are never converted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from measures.index import Concentration
from measures.rounding import Number

GAS_CONSTANT: Final = 8.314462618
"""J/(mol K), CODATA 2018."""
ZERO_CELSIUS_K: Final = 273.15
MOLAR_MASS_G_MOL: Final = {"O3": 47.998, "NO2": 46.0055, "NO": 30.006, "SO2": 64.064, "CO": 28.010, "NOx": 46.0055}
"""NOx in mass is by convention expressed as NO2 (2008/50/EC Art. 2; GB 3095)."""


@dataclass(frozen=True, slots=True)
class ReferenceState:
    """Temperature and pressure at which a gas's µg/m³ is meant. Raises ValueError at or below absolute zero."""

    name: str
    temperature_c: float
    pressure_hpa: float = 1013.25

    def __post_init__(self) -> None:
        if not self.temperature_c > -ZERO_CELSIUS_K or not self.pressure_hpa > 0:
            raise ValueError(f"{self.temperature_c} °C and {self.pressure_hpa} hPa are no state of a gas")

    @property
    def litres_per_mol(self) -> float:
        """Molar volume R T / p: 24.465 at 25 °C, 24.055 at 20 °C, 22.414 at 0 °C."""
        kelvin = float(self.temperature_c) + ZERO_CELSIUS_K
        return GAS_CONSTANT * kelvin * 10 / float(self.pressure_hpa)


US_25C: Final = ReferenceState("US EPA, 40 CFR 50.3: 25 °C", 25.0)
CHINA_25C: Final = ReferenceState("GB 3095-2012 as amended 2018, GB 3095-2026: 298.15 K", 25.0)
CHINA_0C: Final = ReferenceState("GB 3095-2012 before 2018-09-01: 273.15 K", 0.0)
EU_20C: Final = ReferenceState("EU 2008/50/EC Annex VI C (writes 293 K), UK: 20 °C", 20.0)


def ugm3_from_ppb(ppb: Number, molar_mass_g_mol: float, state: ReferenceState) -> float:
    """Mass concentration of a mixing ratio at `state` (40 CFR 50.3; 2008/50/EC Annex VI C); mg/m³ from ppm likewise."""
    return float(ppb) * float(molar_mass_g_mol) / state.litres_per_mol


def ppb_from_ugm3(ugm3: Number, molar_mass_g_mol: float, state: ReferenceState) -> float:
    """Mixing ratio of a mass concentration meant at `state` (40 CFR 50.3); ppm from mg/m³ likewise."""
    return float(ugm3) * state.litres_per_mol / float(molar_mass_g_mol)


def between_states(mass: Number, source: ReferenceState, target: ReferenceState) -> float:
    """The same gas's mass concentration at another state (GB 3095-2026 4.3 for gases): c2 = c1 (T1/T2)(p2/p1)."""
    return float(mass) * source.litres_per_mol / target.litres_per_mol


def converted(concentration: Concentration, unit: str, state: ReferenceState) -> Concentration:
    """A gas's concentration in another of `ug/m3`, `mg/m3`, `ppb`, `ppm`, mass meant at `state`; None stays None.

    Raises ValueError for particles, for a gas without a molar mass and for other units.
    """
    mass = MOLAR_MASS_G_MOL.get(concentration.pollutant)
    if mass is None or concentration.unit not in _PER_BASE or unit not in _PER_BASE:
        raise ValueError(f"no way from {concentration.unit} to {unit} for {concentration.pollutant}")
    if concentration.value is None or concentration.unit == unit:
        return replace(concentration, unit=unit)
    (is_mass, per_base), (wants_mass, wanted_per_base) = _PER_BASE[concentration.unit], _PER_BASE[unit]
    base = float(concentration.value) * per_base
    if is_mass and not wants_mass:
        base = ppb_from_ugm3(base, mass, state)
    elif wants_mass and not is_mass:
        base = ugm3_from_ppb(base, mass, state)
    return replace(concentration, value=base / wanted_per_base, unit=unit)


_PER_BASE: Final = {"ug/m3": (True, 1), "mg/m3": (True, 1000), "ppb": (False, 1), "ppm": (False, 1000)}
"""Unit to whether it is a mass, and how many µg/m³ or ppb it holds."""
