"""A year of hours and days of real air (Beijing Wanliu 2016), ending now, written as roll-ups and indices."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from collector.numbers import indices
from collector.numbers.reporting import Reporting, reports_as_china
from collector.numbers.stored_windows import INDEX
from collector.numbers.windows import DAYS, HOURS, MINUTES, day, day_of, is_whole, with_completeness
from collector.stores.store import Store, Table
from simulator.replay import BEIJING
from tests.stored import put
from wire.times import HOUR_MS
from wire.traffic import speed_cell

HOURS_A_YEAR = 8784
ROWS_AT_ONCE = 20_000


@cache
def wanliu() -> tuple[tuple[float | None, float | None], ...]:
    """PM2.5 and PM10 of each hour."""
    with BEIJING.open(newline="") as file:
        return tuple(
            (
                float(row["pm25_ugm3"]) if row["pm25_ugm3"] else None,
                float(row["pm10_ugm3"]) if row["pm10_ugm3"] else None,
            )
            for row in csv.DictReader(file)
        )


def write_year(
    store: Store, node: str, now_ms: int, more: float = 1.0, site: str = "s", indexed_hours: int = 48
) -> None:
    """A year's hours, days and daily indices of one station, and indices of its last hours.

    `more` makes the air of another street of it.
    """
    for measurement, own, windows in _year(now_ms // HOUR_MS * HOUR_MS, more, indexed_hours):
        write(store, measurement, {"node": node, "sensor": "air-1", "site": site} | own, windows)


@lru_cache(16)
def _year(now_ms: int, more: float, indexed_hours: int) -> list[tuple[str, dict[str, str], dict[int, dict[str, Any]]]]:
    """Measurement, tags of its own, and windows."""
    reporting = reports_as_china("")
    first_ms = now_ms - HOURS_A_YEAR * HOUR_MS
    hours = {first_ms + n * HOUR_MS: _hour(pair, more) for n, pair in enumerate(wanliu())}
    last = [time_ms for time_ms in hours if time_ms >= now_ms - indexed_hours * HOUR_MS]
    hourly = {t: one.fields() for t in last if (one := _score(reporting, hours, t)) is not None}
    daily, rolled = {}, {}
    for start_ms, end_ms in {day_of(time_ms, reporting.zone) for time_ms in hours}:
        inside = {t: hours[t] for t in range(start_ms, end_ms, HOUR_MS) if t in hours}
        one = indices.daily("china-2026", reporting, inside, (start_ms, end_ms))
        if one is not None:
            daily[start_ms] = one.fields()
        if fields := day("air_quality", inside.values(), end_ms - start_ms):
            rolled[start_ms] = fields
    scored = {"standard": "HJ 633", "edition": "2026"}
    return [
        ("air_quality" + HOURS, {}, hours),
        ("air_quality" + DAYS, {}, rolled),
        (INDEX, scored | {"period": "1h"}, hourly),
        (INDEX, scored | {"period": "1d"}, daily),
        ("traffic_flow" + HOURS, {"lane": "1", "direction": "in", "sensor": "radar-1"}, _flow(hours)),
    ]


def write_minutes(store: Store, node: str, now_ms: int, more: float = 1.0, site: str = "s") -> None:
    """The last day by minutes, between the same hours."""
    values = [pair[0] * more for pair in wanliu()[-26:] if pair[0] is not None]
    first_ms = now_ms // 60_000 * 60_000 - 24 * HOUR_MS
    windows = {}
    for n in range(24 * 60):
        left, right = values[n // 60 % len(values)], values[(n // 60 + 1) % len(values)]
        mean = round(left + (right - left) * (n % 60) / 60 + (n * 7919 % 17) / 6, 2)
        windows[first_ms + n * 60_000] = {"pm25_ugm3_mean": mean, "pm25_ugm3_n": 60}
    write(store, "air_quality" + MINUTES, {"node": node, "sensor": "air-1", "site": site}, windows)


def write(store: Store, measurement: str, tags: dict[str, str], windows: dict[int, dict[str, Any]]) -> None:
    names = {name: None for fields in windows.values() for name in fields}
    whole = indices.WHOLE if measurement == INDEX else frozenset(filter(is_whole, names))
    times = iter(sorted(windows))
    while some := list(islice(times, ROWS_AT_ONCE)):
        columns = {name: [windows[time_ms].get(name) for time_ms in some] for name in names}
        table = Table(measurement, tuple(sorted(tags.items())), some, columns, whole)
        put(store, table)


def _hour(pair: tuple[float | None, float | None], more: float) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in zip(("pm25_ugm3", "pm10_ugm3"), pair, strict=True):
        if value is not None:
            mean = round(value * more, 1)
            fields |= {f"{name}_mean": mean, f"{name}_min": mean * 0.8, f"{name}_max": mean * 1.3, f"{name}_n": 60}
    return with_completeness("air_quality", fields, 60 if fields else 0, HOUR_MS, 60_000)


def _score(reporting: Reporting, hours: dict[int, dict[str, Any]], time_ms: int) -> Any:
    around = {t: hours[t] for t in range(time_ms - 23 * HOUR_MS, time_ms + 1, HOUR_MS) if t in hours}
    return indices.hourly("china-2026", reporting, around, time_ms)


def _flow(hours: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    found = {}
    for time_ms, count in zip(hours, _busy(), strict=False):
        speed = 52 - count / 40
        found[time_ms] = {
            "count_sum": count,
            "count_n": 60,
            "heavy_count_sum": count // 9,
            "duration_s_sum": 3600.0,
            "flow_vph_mean": float(count),
        }
        found[time_ms] |= {"speed_tms_kmh_mean": speed, "flow_vph_mean": float(count), "completeness": 1.0}
        fast, long = count // 4, count // 9
        found[time_ms] |= {speed_cell(speed) + "_sum": count - fast, speed_cell(speed + 11) + "_sum": fast}
        found[time_ms] |= {"n_length_0350_cm_sum": count - long, "n_length_0655_cm_sum": long}
    return found


def _busy() -> Iterator[int]:
    """Vehicles of each hour of the day, over and over."""
    day_of_hours = (
        40,
        18,
        9,
        3,
        12,
        60,
        210,
        520,
        640,
        480,
        410,
        430,
        450,
        430,
        440,
        470,
        560,
        690,
        610,
        420,
        300,
        220,
        140,
        80,
    )
    n = 0
    while True:
        yield day_of_hours[n % 24] + (n * 7919) % 23
        n += 1
