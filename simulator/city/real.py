"""The shipped real data as hourly columns in one set of names and units. Sources: `simulator/real_data/README.md`."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from simulator.city.shape import Hours
from simulator.city.weather import humidity
from simulator.replay import BEIJING, I94, REAL_DATA

LONDON = REAL_DATA / "london_marylebone_2003.csv"


def beijing() -> Hours:
    """Wanliu 2016: air in µg/m³, weather; humidity from temperature and dew point."""
    hours = _read(BEIJING, "time_local", ("pm25_ugm3", "pm10_ugm3", "so2_ugm3", "no2_ugm3", "co_ugm3", "o3_ugm3",
                                         "temp_c", "press_hpa", "dewp_c", "rain_mm", "ws_ms"))  # fmt: skip
    columns = hours.columns
    columns["co_mgm3"] = [None if co is None else co / 1000 for co in columns.pop("co_ugm3")]
    columns["wind_speed_ms"] = columns.pop("ws_ms")
    columns["rh_pct"] = [
        None if temp is None or dew is None else humidity(temp, dew)
        for temp, dew in zip(columns["temp_c"], columns["dewp_c"], strict=True)
    ]
    return hours


def london() -> Hours:
    """Marylebone Road 2003, a kerbside: gases in ppb, particles in µg/m³."""
    return _read(LONDON, "time_utc", ("ws_ms", "nox_ppb", "no2_ppb", "o3_ppb", "pm10_ugm3", "pm25_ugm3"))


def i94() -> Hours:
    """Westbound I-94 2017: vehicles an hour."""
    return _read(I94, "time_local", ("traffic_volume_veh_h",))


def _read(file: Path, time: str, names: tuple[str, ...]) -> Hours:
    found: dict[datetime, dict[str, str]] = {}
    with file.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            found.setdefault(datetime.fromisoformat(row[time]).replace(tzinfo=None), row)
    start, end = min(found), max(found)
    count = round((end - start).total_seconds() / 3600) + 1
    columns: dict[str, list[float | None]] = {name: [None] * count for name in names}
    for stamp, row in found.items():
        at = round((stamp - start).total_seconds() / 3600)
        for name in names:
            columns[name][at] = float(row[name]) if row[name] else None
    return Hours(start, columns)
