"""How fast vehicles drove over a span, and how long they were: shares, fit for the public.

Shares in whole percent of bands of 10 km/h, never counts: counts of two spans that differ by an hour would give away a
few vehicles. A band with fewer than five vehicles is told together with its neighbour.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from collector.stores.store import Select, Store
from collector.web.privacy import FEW
from measures.speed import percentile_from_histogram
from measures.vehicle_classes import SCHEMES, VehicleClass, classified
from wire.traffic import LENGTH_CELLS, LENGTH_EDGES_CM, SPEED_CELLS, SPEED_EDGES_KMH

VEHICLES_MIN: Final = 50
"""Fewer say nothing of how people drive."""
BAND_KMH: Final = 10


class Band(NamedTuple):
    """Speeds from `from_kmh` to `to_kmh` (None: and more), and their share of all vehicles."""

    from_kmh: int
    to_kmh: int | None
    percent: int


class Speeds(NamedTuple):
    """What is told of a span. `classes` is empty where no sensor tells a length."""

    v15_kmh: float
    v50_kmh: float
    v85_kmh: float
    bands: list[Band]
    classes: list[tuple[VehicleClass, int]]


def speeds(store: Store, node: str, suffix: str, since_ms: int, until_ms: int, standard: str) -> Speeds | None:
    """Of a node's roll-ups of traffic; None without enough vehicles. Raises StoreDown."""
    columns = tuple(name + "_sum" for name in (*SPEED_CELLS, *LENGTH_CELLS))
    question = Select("traffic_flow" + suffix, columns, since_ms, until_ms, {"node": node}, ("node",), aggregate="sum")
    sums = [0] * len(columns)
    for series in store.select(question):
        for row in series.rows:
            sums = [total + int(value or 0) for total, value in zip(sums, row[1:], strict=True)]
    return told(sums[: len(SPEED_CELLS)], sums[len(SPEED_CELLS) :], standard)


def told(fast: list[int], long: list[int], standard: str) -> Speeds | None:
    """The shares, from vehicles per cell of speed and of length."""
    if sum(fast) < VEHICLES_MIN:
        return None
    v15, v50, v85 = (percentile_from_histogram(fast, percent) or 0.0 for percent in (15, 50, 85))
    return Speeds(v15, v50, v85, _bands(fast), _classes(long, standard))


def _bands(fast: list[int]) -> list[Band]:
    """Bands of whole tens, each merged upwards until it holds five vehicles; the rest goes with the last."""
    total, step = sum(fast), BAND_KMH // (SPEED_EDGES_KMH[1] - SPEED_EDGES_KMH[0])
    found: list[tuple[int, int]] = []  # lower edge, vehicles
    from_kmh, held = 0, 0
    for at in range(0, len(fast), step):
        held += sum(fast[at : at + step])
        if held >= FEW or not held:
            found += [(from_kmh, held)] if held else []
            from_kmh, held = SPEED_EDGES_KMH[at] + BAND_KMH, 0
    if held:
        edge, vehicles = found.pop()
        found.append((edge, vehicles + held))
    last = max(at for at, count in enumerate(fast) if count)
    top = None if last == len(fast) - 1 else (SPEED_EDGES_KMH[last] // BAND_KMH + 1) * BAND_KMH
    tops = [edge for edge, _ in found[1:]] + [top]
    return [Band(edge, to, round(100 * n / total)) for (edge, n), to in zip(found, tops, strict=True)]


def _classes(long: list[int], standard: str) -> list[tuple[VehicleClass, int]]:
    """Shares of the classes of the scheme that goes with a standard of air quality: both are the country's."""
    total = sum(long)
    if total < VEHICLES_MIN:
        return []
    scheme = "cn" if standard.startswith("china") else "fhwa" if standard.startswith("us") else "tls"
    counts = classified({edge / 100: n for edge, n in zip(LENGTH_EDGES_CM, long, strict=True)}, scheme)
    if any(0 < n < FEW for n in counts.values()):  # a class of few would be told by what the others lack
        scheme, counts = "tls", classified({e / 100: n for e, n in zip(LENGTH_EDGES_CM, long, strict=True)}, "tls")
    if any(0 < n < FEW for n in counts.values()):
        return []
    return [(one, round(100 * counts[one.name] / total)) for one in SCHEMES[scheme]]
