"""What the database says of some stations' last hour: a few questions in one request, and the answers by station."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from collector.numbers.flags import COLUMN, failed
from collector.numbers.hour_means import LOOK_BACK_MS
from collector.numbers.quality import FAIL
from collector.numbers.stored_windows import INDEX
from collector.numbers.windows import MINUTES
from collector.stations.station_query import INDEX_COLUMNS, PARTS, IndexRow, index_row
from collector.stores.store import Select, Series, Store
from collector.web.air import FINE_MS, PM, ROLLED, Air, airs, passed
from collector.web.privacy import told_until
from measures.index import POLLUTANTS
from wire.quantities import QUANTITIES, Quantity
from wire.times import HOUR_MS, MINUTE_MS

UNROLLED_MS = 5 * MINUTE_MS  # minutes older than this are rolled up
FLOW = ("count", "heavy_count", "speed_tms_kmh", "duration_s")
FLOW_ASKED = (*FLOW, COLUMN)
LEADING: dict[str, tuple[str, ...]] = {"air_quality": PM, "traffic_flow": FLOW}
OTHERS: dict[str, tuple[str, ...]] = {
    "weather": ("temp_c", "rh_pct", "press_hpa", "wind_speed_ms", "rain_rate_mmh"),
    "air_quality": ("pm1_ugm3", "no2_ugm3", "o3_ugm3", "so2_ugm3", "co_mgm3", "co2_ppm", "noise_db"),
}
"""What people ask for; the rest of what sensors say is in the open data."""

Rows = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Other:
    """The newest value of any other quantity: weather, gases, noise."""

    sensor: str
    quantity: Quantity
    value: float
    time_ms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What is stored of one station."""

    air: list[Air] = field(default_factory=list)
    newest: Rows = field(default_factory=list)
    """The newest particles of each sensor: [time, *PM, what they did not pass]."""
    others: list[Other] = field(default_factory=list)
    flow: Rows = field(default_factory=list)
    """The intervals of all lanes: [time, *FLOW_ASKED]."""
    indices: list[IndexRow] = field(default_factory=list)
    """The newest hour of each sensor and standard, a day old at most."""
    measured: set[tuple[str, str, str]] = field(default_factory=set)
    """Standard, edition and pollutant of every sub-index within a day: one that is missing now is not forgotten."""


def hear(store: Store, nodes: Sequence[str], since_ms: int, now_ms: int) -> dict[str, Heard]:
    """All that is stored of each station. One request, however many they are. Raises StoreDown."""
    answers = store.select_all(_questions(tuple(nodes), since_ms, now_ms))
    fine, latest, spoilt, recent, flow, known, day, *others = answers
    heard = {node: Heard() for node in nodes}
    newest, minutes, cells = _by_sensor(latest), _by_sensor(spoilt), _by_sensor(recent)
    for (node, _), rows in newest.items():
        heard[node].newest.append(rows[0])
    for (node, sensor), rows in _by_sensor(fine).items():
        at = node, sensor
        useful = passed(rows, minutes.get(at, ()), cells.get(at, ()))
        heard[node].air.extend(airs(sensor, useful, newest[at][0] if at in newest else None))
    for series in flow:
        heard[series.tags["node"]].flow.extend(sound_counts(series.rows))
    for names, found in zip(OTHERS.values(), others, strict=True):
        for series in found:
            heard[series.tags["node"]].others.extend(_others(series.tags["sensor"], names, series.rows[0]))
    for series in known:
        heard[series.tags["node"]].indices.append(index_row(series.tags, series.rows[0]))
    for series in day:
        standard, edition = series.tags["standard"], series.tags["edition"]
        there = zip(POLLUTANTS, series.rows[0][1:], strict=True)
        heard[series.tags["node"]].measured.update((standard, edition, one) for one, part in there if part is not None)
    return heard


def sound_counts(rows: Rows) -> Rows:
    """Of intervals [time, *FLOW_ASKED, ...] those whose count passed its tests; what else failed there is None."""
    found = []
    for row in rows:
        if row[5]:
            useless = failed(row[5])
            values = (None if name in useless else value for name, value in zip(FLOW, row[1:5], strict=True))
            row = [row[0], *values, *row[5:]]
        if row[1] is not None:
            found.append(row)
    return found


def _questions(nodes: tuple[str, ...], since_ms: int, now_ms: int) -> list[Select]:
    where: dict[str, str | tuple[str, ...]] = {"node": nodes}
    pm = Select("air_quality", PM, since_ms, now_ms + MINUTE_MS, where, ("node", "sensor"))
    means = (*(f"{name}_mean" for name in ROLLED), "qc")
    spoilt = replace(pm, measurement=pm.measurement + MINUTES, columns=means, equals={"qc": FAIL})
    recent = replace(pm, columns=(COLUMN, "qc"), equals={"qc": FAIL}, since_ms=now_ms - UNROLLED_MS)
    flow = Select("traffic_flow", FLOW_ASKED, told_until(now_ms) - HOUR_MS, pm.until_ms, where, ("node",))
    tags = ("node", "sensor", "standard", "edition")
    known = Select(INDEX, INDEX_COLUMNS, now_ms - LOOK_BACK_MS, now_ms, where | {"period": "1h"}, tags, latest=True)
    day = replace(known, columns=PARTS, group_by=("node", "standard", "edition"), latest=False, aggregate="max")
    return [
        replace(pm, aggregate="mean", every_ms=FINE_MS),
        replace(pm, columns=(*PM, COLUMN), latest=True),
        spoilt,
        recent,
        flow,
        known,
        day,
        *(replace(pm, measurement=kind, columns=(*names, COLUMN), latest=True) for kind, names in OTHERS.items()),
    ]


def _by_sensor(found: list[Series]) -> dict[tuple[str, str], Rows]:
    return {(series.tags["node"], series.tags["sensor"]): series.rows for series in found}


def _others(sensor: str, names: tuple[str, ...], row: list[Any]) -> list[Other]:
    """The values of a sensor's row that passed."""
    time_ms, *values, code = row
    useless = failed(code or "")
    return [
        Other(sensor, QUANTITIES[name], value, time_ms)
        for name, value in zip(names, values, strict=True)
        if value is not None and name not in useless
    ]
