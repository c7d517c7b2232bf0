"""What the database says of one station: concentrations by window with completeness and flags, and its indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from collector import flags
from collector.rollups import INDEX
from collector.stores.store import Select, Store
from collector.windows import DAYS, HOURS, MINUTES, rolled
from measures.index import OF_QUANTITY

EVERY: Final = {"1m": MINUTES, "1h": HOURS, "1d": DAYS}
AIR: Final = (*OF_QUANTITY, "pm1_ugm3", "no_ugm3", "co2_ppm", "noise_db")
TRAFFIC: Final = ("flow_vph", "speed_tms_kmh", "speed_sms_kmh", "occupancy_ratio")


@dataclass(frozen=True, slots=True)
class Concentration:
    """One window of one quantity at one sensor. `n` counts the windows below; `flags` what was doubted, by test."""

    time_ms: int
    sensor: str
    quantity: str
    mean: float
    low: float | None
    high: float | None
    n: int | None
    completeness: float | None
    qc: int | None
    flags: str


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One value of an index, meaningless without its standard and edition; None where it is published as NA."""

    time_ms: int
    sensor: str
    standard: str
    edition: str
    value: int | None
    category: str
    primary: str
    completeness: float


def concentrations(
    store: Store, node: str, every: str, since_ms: int, until_ms: int, quantities: tuple[str, ...] = ()
) -> list[Concentration]:
    """Windows of air by time, sensor and quantity. Raises StoreDown."""
    names = quantities or tuple(name for name in AIR if name in rolled("air_quality"))
    ends = ("_mean", "_min", "_max", "_n")
    columns = (*(name + end for name in names for end in ends), "completeness", "qc", flags.COLUMN)
    question = Select("air_quality" + EVERY[every], columns, since_ms, until_ms, {"node": node}, ("sensor",))
    found = []
    for series in store.select(question):
        for time_ms, *cells in series.rows:
            completeness, qc, codes = cells[-3:]
            for at, name in enumerate(names):
                mean, low, high, n = cells[4 * at : 4 * at + 4]
                if mean is not None:
                    doubts = ",".join(code for code in (codes or "").split(",") if code.startswith(name + "_mean:"))
                    own = doubts.replace(name + "_mean:", "")
                    sensor = series.tags["sensor"]
                    found.append(Concentration(time_ms, sensor, name, mean, low, high, n, completeness, qc, own))
    return sorted(found, key=lambda row: (row.time_ms, row.sensor, names.index(row.quantity)))


def indices(store: Store, node: str, period: str, since_ms: int, until_ms: int) -> list[IndexRow]:
    """Every index of the period (1h or 1d), by time. Raises StoreDown."""
    columns = ("value", "category", "primary", "completeness")
    where: dict[str, Any] = {"node": node, "period": period}
    question = Select(INDEX, columns, since_ms, until_ms, where, ("sensor", "standard", "edition"))
    found = [
        IndexRow(time_ms, series.tags["sensor"], series.tags["standard"], series.tags["edition"], *cells)
        for series in store.select(question)
        for time_ms, *cells in series.rows
    ]
    return sorted(found, key=lambda row: (row.time_ms, row.sensor, row.standard, row.edition))
