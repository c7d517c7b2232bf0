"""Readings of one station over a stretch of time, by windows, as the public may have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from collector.numbers.quality import FAIL
from collector.numbers.windows import MINUTES
from collector.stores.store import Select, Store
from collector.web.heard import FLOW_ASKED, sound_counts
from collector.web.privacy import mask_lanes
from collector.web.vehicles import summed
from measures.averages import DIRECTIONS, LEVELS, mean_of
from wire.quantities import QUANTITIES
from wire.times import MINUTE_MS

EVERY_MS: Final = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "15m": 15 * MINUTE_MS, "1h": 60 * MINUTE_MS}
KINDS: Final = ("air_quality", "weather", "traffic_flow")
TRAFFIC_EVERY: Final = "5m"
"""Traffic is told in windows of one length only: two lengths side by side would give away what the mask hides."""

_TRAFFIC_FIELDS: Final = ("count", "heavy_count", "speed_tms_kmh", "flow_vph")
_QUALITY: Final = ("cq", "qc")


def fields(kind: str) -> tuple[str, ...]:
    """The columns of a kind, always all and always in this order."""
    if kind == "traffic_flow":
        return _TRAFFIC_FIELDS
    return tuple(quantity.name for quantity in QUANTITIES.values() if quantity.kind == kind)


def columns(kind: str) -> tuple[str, ...]:
    """Everything a row has: place and time first, then values, then what to think of them."""
    place = ("lane", "direction") if kind == "traffic_flow" else ()
    return ("time_ms", "node", "sensor", *place, *fields(kind), "rows", *_QUALITY, "masked")


def windows(store: Store, kind: str, node: str, since_ms: int, until_ms: int, every_ms: int) -> list[dict[str, Any]]:
    """One row a window and series, by time, with exactly the keys `columns(kind)`. Raises StoreDown."""
    question = Select(kind, (), since_ms, until_ms, {"node": node}, ("sensor",))
    if kind == "traffic_flow":
        rows = _traffic(store, question, every_ms)
    else:
        rows = _means(store, question, fields(kind), every_ms)
    for row in rows:
        row["node"] = node
    return sorted(rows, key=lambda row: (row["time_ms"], row["sensor"], row.get("lane", ""), row.get("direction", "")))


def _means(store: Store, question: Select, names: tuple[str, ...], every_ms: int) -> list[dict[str, Any]]:
    """Means by the database, which knows nothing of flags: of readings, or where one of them failed of the minutes.

    Those are rolled up without it. What has no roll-up, such as a raw twin, has no mean there.
    """
    means = store.select(replace(question, columns=names, aggregate="mean", every_ms=every_ms))
    worst = store.select(replace(question, columns=_QUALITY, aggregate="max", every_ms=every_ms))
    counts = store.select(replace(question, columns=("cq",), aggregate="count", every_ms=every_ms))
    quality = {(one.tags["sensor"], row[0]): row[1:] for one in worst for row in one.rows}
    numbers = {(one.tags["sensor"], row[0]): row[1] for one in counts for row in one.rows}
    minutes = replace(question, measurement=question.measurement + MINUTES)
    rolled: dict[tuple[str, int], list[Any]] = {}
    if any(qc == FAIL for _, qc in quality.values()):
        columns = tuple(name + "_mean" for name in names)
        found = store.select(replace(minutes, columns=columns, aggregate="mean", every_ms=every_ms))
        rolled = {(one.tags["sensor"], row[0]): row[1:] for one in found for row in one.rows}
    others = _others(store, minutes, [name for name in names if name in DIRECTIONS | LEVELS], every_ms)
    rows = []
    for series in means:
        sensor = series.tags["sensor"]
        for time_ms, *values in series.rows:
            cq, qc = quality.get((sensor, time_ms), (None, None))
            if qc == FAIL:
                values = rolled.get((sensor, time_ms), [None] * len(names))
            rows.append(
                {
                    "time_ms": time_ms,
                    "sensor": sensor,
                    **dict(zip(names, values, strict=True)),
                    **others(sensor, time_ms),
                    "rows": numbers.get((sensor, time_ms)),
                    "cq": cq,
                    "qc": qc,
                    "masked": (),
                }
            )
    return rows


def _others(
    store: Store, minutes: Select, names: list[str], every_ms: int
) -> Callable[[str, int], dict[str, float | None]]:
    """Of what no database averages, directions and levels: means of a sensor's minutes, by the start of a window."""
    found: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for series in store.select(replace(minutes, columns=tuple(name + "_mean" for name in names))):
        for time_ms, *values in series.rows:
            for name, value in zip(names, values, strict=True):
                if value is not None:
                    found[series.tags["sensor"], time_ms // every_ms * every_ms, name].append(value)
    return lambda sensor, start_ms: {name: mean_of(name, found.get((sensor, start_ms, name), ())) for name in names}


def _traffic(store: Store, question: Select, every_ms: int) -> list[dict[str, Any]]:
    """Sums and weighted means by lane and direction, masked together: a page tells their sum."""
    wanted = (*FLOW_ASKED, *_QUALITY)
    found = store.select(replace(question, columns=wanted, group_by=("sensor", "lane", "direction")))
    windows: dict[int, dict[int, list[list[Any]]]] = defaultdict(lambda: defaultdict(list))
    for lane, series in enumerate(found):
        for row in sound_counts(series.rows):
            windows[row[0] // every_ms * every_ms][lane].append(row)
    rows = []
    for time_ms, lanes in windows.items():
        masked = mask_lanes([summed([row[:5] for row in some]) for some in lanes.values()])
        for (lane, some), shown in zip(lanes.items(), masked, strict=True):
            quality = {"rows": len(some), "cq": _worst(some, 6), "qc": _worst(some, 7), "masked": shown.hidden}
            rows.append({"time_ms": time_ms, **found[lane].tags, **shown.values, **quality})
    return rows


def _worst(rows: list[list[Any]], at: int) -> Any:
    return max((row[at] for row in rows if row[at] is not None), default=None)
