"""A small town in a store: what the canned questions are asked about."""

from __future__ import annotations

from typing import Any

from collector.stores.store import Store, Stored, Table
from wire.times import HOUR_MS

T0 = 1_790_000_000_000 // (24 * HOUR_MS) * 24 * HOUR_MS
"""The first hour of the town's history."""


def tables(nodes: int, hours: int) -> list[Table]:
    """Every measurement that a canned question asks for."""
    found: list[Table] = []
    for number in range(nodes):
        place = {"node": f"lp-{number:04d}", "site": f"site-{number % 10}"}
        found += _rolled(place, hours, number)
        found += _of_the_day(place, number)
    return found


def _rolled(place: dict[str, str], hours: int, number: int) -> list[Table]:
    hourly = [T0 + n * HOUR_MS for n in range(hours)]
    daily = hourly[::24]
    shares = {"completeness": 1.0, "qc": 1}
    air = {"pm25_ugm3_mean": 20.5 + number, "pm25_ugm3_min": 3.0, "pm25_ugm3_max": 91.25, **shares}
    air |= {"no2_ugm3_mean": 40.0, "no2_ugm3_min": 1.0, "no2_ugm3_max": 80.0}
    weather = {f"{name}_mean": 10.0 for name in ("temp_c", "rh_pct", "press_hpa", "wind_speed_ms", "wind_dir_deg")}
    traffic = {"count_sum": 412, "heavy_count_sum": 20, "flow_vph_mean": 412.0, "speed_tms_kmh_mean": 38.5}
    traffic |= {"n_speed_035_kmh_sum": 392, "n_speed_060_kmh_sum": 20, "v50_kmh": 37.5, "v85_kmh": 39.6}
    index = {"value": 57, "primary": "PM2.5", "completeness": 1.0}
    lane = place | {"sensor": "radar-1", "lane": "1", "direction": "in"}
    of_index = place | {"sensor": "air-1", "standard": "HJ 633", "edition": "2026"}
    out = []
    for suffix, times in (("_1h", hourly), ("_1d", daily)):
        out.append(_table("air_quality" + suffix, place | {"sensor": "air-1"}, times, air))
        out.append(_table("weather" + suffix, place | {"sensor": "wx-1"}, times, weather | shares))
        out.append(_table("traffic_flow" + suffix, lane, times, traffic | shares))
        words = ["NA", *["良"] * (len(times) - 1)]  # late readings made the first one so; its number stays
        out.append(_table("air_index", of_index | {"period": suffix[1:]}, times, index | {"category": words}))
    return out


def _of_the_day(place: dict[str, str], number: int) -> list[Table]:
    """Single readings, ledgers and alerts of the first day."""
    air = place | {"sensor": "air-1"}
    times = [T0 + 1000 * n for n in range(5)]
    readings = {"pm25_ugm3": 12.5, "pm10_ugm3": 20.0, "cq": 0, "qc": 4, "qc_code": "pm10_raw_ugm3:range"}
    spool = place | {"spool": f"{number:032x}"}
    gap = {"from_ms": T0, "to_ms": T0 + 9, "lost_count": 3, "from_seq": 4, "to_seq": 5}
    alert = {"state": "firing", "value": 80.0, "threshold": 75.0, "node": place["node"], "dedup_key": "k"}
    batch = {"seq": 1, "rows": 5, "quarantined": 0, "digest": "d"}
    health = {"spool_rows": 0, "spool_age_s": 0.5, "cpu_temp_c": 48.0, "bad_frames": 2}
    return [
        _table("air_quality", air, times, readings),
        _table("weather", place | {"sensor": "wx-1"}, times, {"temp_c": 0.0, "rh_pct": 45.0, "cq": 0, "qc": 1}),
        _table("sensor_ledger", spool | {"sensor": "air-1"}, times[:2], {"accepted": 5, "bad_frames_1h": 1}),
        _table("gap", spool | {"sensor": "air-1", "reason": "thinned"}, times[:1], gap),
        _table("alerts", {"site": place["site"], "rule": "pm25", "severity": "major"}, [T0 + number], alert),
        _table("batch_ledger", {"node": place["node"], "spool": spool["spool"]}, times[:1], batch),
        _table("node_health", place, times, health),
    ]


def _table(measurement: str, tags: dict[str, str], times: list[int], values: dict[str, Any]) -> Table:
    columns = {name: value if isinstance(value, list) else [value] * len(times) for name, value in values.items()}
    whole = frozenset(name for name, value in values.items() if type(value) is int)
    return Table(measurement, tuple(sorted(tags.items())), times, columns, whole)


def fill(store: Store, nodes: int, hours: int) -> None:
    """Write the town, a station at a time."""
    for table in tables(nodes, hours):
        rows = store.render(table)
        for first in range(0, len(rows), 5_000):
            assert store.write(rows[first : first + 5_000]) == Stored()
