"""What the database says of one station: concentrations by window with completeness and flags, and its indices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final
from zoneinfo import ZoneInfo

from collector.numbers import flags
from collector.numbers.indices import FIELD_OF, NA
from collector.numbers.means import DECIMALS
from collector.numbers.stored_windows import INDEX
from collector.numbers.windows import DAYS, HOURS, MINUTES, day_of
from collector.stores.store import Select, Store
from measures.china_aqi import HJ_633_2026, IN_FORCE_2026, is_published
from measures.index import OF_QUANTITY
from wire.times import HOUR_MS, MINUTE_MS

EVERY: Final = {"1m": MINUTES, "1h": HOURS, "1d": DAYS}
AIR: Final = (*OF_QUANTITY, "pm1_ugm3", "no_ugm3", "co2_ppm", "noise_db")
PARTS: Final = tuple(FIELD_OF.values())
"""Sub-indices by pollutant, in the order of measures.index.POLLUTANTS."""
INDEX_COLUMNS: Final = ("value", "category", "primary", "completeness", "level", *PARTS)


@dataclass(frozen=True, slots=True)
class Concentration:
    """One window of one quantity at one sensor. `n` counts the windows below; `flags` what was doubted, by test.

    `completeness` is the quantity's own: a sensor may be there all day and tell one of its gases for five hours.
    """

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
    """One value of an index, meaningless without its standard and edition; None where it is published as NA.

    `parts` are the sub-indices that there are, such as `pm25_index`; `level` counts the standard's categories from 1.
    """

    time_ms: int
    sensor: str
    standard: str
    edition: str
    value: int | None
    category: str
    primary: str
    completeness: float
    level: int | None
    parts: dict[str, int]

    @property
    def pollutants(self) -> dict[str, int]:
        """The sub-indices by pollutant, as people write it."""
        return {name: self.parts[part] for name, part in FIELD_OF.items() if part in self.parts}


def concentrations(
    store: Store, node: str, zone: ZoneInfo, every: str, since_ms: int, until_ms: int, quantities: tuple[str, ...] = ()
) -> list[Concentration]:
    """Windows of air by time, sensor and quantity; days are those of the zone. Raises StoreDown."""
    names = quantities or AIR
    ends = ("_mean", "_min", "_max", "_n")
    columns = (*(name + end for name in names for end in ends), "qc", flags.COLUMN)
    question = Select("air_quality" + EVERY[every], columns, since_ms, until_ms, {"node": node}, ("sensor",))
    found = []
    for series in store.select(question):
        for time_ms, *cells in series.rows:
            qc, codes = cells[-2:]
            parts = _parts(every, time_ms, zone)
            for at, name in enumerate(names):
                mean, low, high, n = cells[4 * at : 4 * at + 4]
                if mean is not None:
                    doubts = ",".join(code for code in (codes or "").split(",") if code.startswith(name + "_mean:"))
                    own = doubts.replace(name + "_mean:", "")
                    sensor = series.tags["sensor"]
                    completeness = None if parts is None or n is None else round(min(1.0, n / parts), DECIMALS)
                    found.append(Concentration(time_ms, sensor, name, mean, low, high, n, completeness, qc, own))
    return sorted(found, key=lambda row: (row.time_ms, row.sensor, names.index(row.quantity)))


def _parts(every: str, time_ms: int, zone: ZoneInfo) -> int | None:
    """How many windows below a whole window has: minutes of an hour, hours of a day; of a minute nobody knows."""
    if every == "1d":
        start_ms, end_ms = day_of(time_ms, zone)
        return (end_ms - start_ms) // HOUR_MS
    return HOUR_MS // MINUTE_MS if every == "1h" else None


def indices(store: Store, node: str, period: str, since_ms: int, until_ms: int) -> list[IndexRow]:
    """Every index of the period (1h or 1d) of one node, by time. Raises StoreDown."""
    question = Select(
        INDEX, INDEX_COLUMNS, since_ms, until_ms, {"node": node, "period": period}, ("sensor", "standard", "edition")
    )
    found = [index_row(series.tags, row) for series in store.select(question) for row in series.rows]
    return sorted(found, key=lambda row: (row.time_ms, row.sensor, row.standard, row.edition))


def station_days(store: Store, node: str, since_ms: int, until_ms: int) -> list[IndexRow]:
    """The index of each day of one node under each edition, by time: the worst of its sensors. Raises StoreDown.

    It is NA where a pollutant that one of them measured is missing and may hide the answer (HJ 633-2026 5.3.1).
    """
    days: dict[tuple[int, str, str], list[IndexRow]] = {}
    for row in indices(store, node, DAYS[1:], since_ms, until_ms):
        days.setdefault((row.time_ms, row.standard, row.edition), []).append(row)
    measured = _measured(store, node, since_ms, until_ms) if days else {}
    return [_of_all(rows, measured.get(time_ms, set())) for (time_ms, _, _), rows in sorted(days.items())]


def _of_all(rows: list[IndexRow], measured: set[str]) -> IndexRow:
    """One of several sensors' rows, which may be due to pollutants of them all."""
    worst = max(rows, key=lambda row: -1 if row.value is None else row.value)
    if worst.value is None:
        return worst
    told = {pollutant for row in rows for pollutant in row.pollutants}
    is_missing = bool(told) and not measured <= told
    is_of_2026 = (worst.standard, worst.edition) == (HJ_633_2026.standard, HJ_633_2026.edition)
    if is_of_2026 and not is_published(worst.value, is_missing, IN_FORCE_2026):
        return replace(worst, value=None, level=None, category=NA, primary="-")
    due_to = {name for row in rows if row.value == worst.value for name in row.primary.split(",")}
    return replace(worst, primary=",".join(sorted(due_to)))


def _measured(store: Store, node: str, since_ms: int, until_ms: int) -> dict[int, set[str]]:
    """By day, the pollutants of which there was a valid hour."""
    columns = tuple(f"{name}_mean" for name in OF_QUANTITY)
    found: dict[int, set[str]] = {}
    for series in store.select(Select("air_quality" + DAYS, columns, since_ms, until_ms, {"node": node}, ("sensor",))):
        for time_ms, *means in series.rows:
            there = zip(OF_QUANTITY.values(), means, strict=True)
            found.setdefault(time_ms, set()).update(name for (name, _), mean in there if mean is not None)
    return found


def index_row(tags: dict[str, str], row: list[Any]) -> IndexRow:
    """A stored row of INDEX_COLUMNS under its tags."""
    time_ms, value, category, primary, completeness, level, *parts = row
    if category == NA:  # the database keeps the number of before
        value = level = None
    there = {name: part for name, part in zip(PARTS, parts, strict=True) if part is not None}
    return IndexRow(
        time_ms, tags["sensor"], tags["standard"], tags["edition"], value, category, primary, completeness, level, there
    )
