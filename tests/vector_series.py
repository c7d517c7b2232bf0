"""The vectors that read a whole data file: CSV columns to series, and what measures/ says of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from measures import china_aqi, flow, series
from measures.index import Concentration

Input = Mapping[str, Any]
Output = dict[str, Any]
KM_PER_MILE = Decimal("1.609344")


def hourly_summary(given: Input) -> Output:
    found = series.summary(_column(given["file"], given["column"]))
    return {
        "hours_in_file": found.hours,
        "valid_hours": found.valid_hours,
        "data_capture_percent": found.capture_pct,
        "mean": found.mean,
        "max": found.largest,
    }


def daily_means(given: Input) -> Output:
    means = series.daily_means(_column(given["file"], given["column"]), given["min_valid_hours"])
    return {"daily_mean": {day: means.get(date.fromisoformat(day)) for day in given["dates"]}}


def valid_days(given: Input) -> Output:
    means = series.daily_means(_column(given["file"], given["column"]), given["min_valid_hours"])
    return {"days": len(means), **_highest(means, "highest_daily_mean", "highest_date")}


def max_daily_8h_mean(given: Input) -> Output:
    maxima = series.daily_maximum_8h(_column(given["file"], given["column"]))
    wanted = {day: maxima.get(date.fromisoformat(day)) for day in given["dates"]}
    return {"mda8": wanted, **_highest(maxima, "year_max", "year_max_date")}


def exceedance_hours(given: Input) -> Output:
    hourly = _column(given["file"], given["column"])
    return {"hours_above": series.hours_above(hourly, given["limit"], given["convert_factor"])}


def cn_daily_category_counts(given: Input) -> Output:
    """Days per category under both editions; a column of CO in µg/m³ is brought to the mg/m³ of HJ 633."""
    is_co = given["pollutant"] == "CO"
    per_unit = 1000 if is_co and given["column"].endswith("_ugm3") else 1
    hourly = _column(given["file"], given["column"])
    if given["pollutant"] == "O3":
        means = series.daily_maximum_8h(hourly)
    else:
        means = series.daily_means(hourly, given["min_valid_hours"])
    averaging, unit = "8h" if given["pollutant"] == "O3" else "24h", "mg/m3" if is_co else "ug/m3"
    counts = {}
    for edition, on in (("HJ 633-2012", china_aqi.IN_FORCE_2012), ("HJ 633-2026", china_aqi.IN_FORCE_2026)):
        days = dict.fromkeys((band.category for band in china_aqi.scale(on).bands), 0)
        for mean in means.values():
            value = None if mean is None else mean / per_unit
            index = china_aqi.sub_index(Concentration(given["pollutant"], averaging, value, unit), on)
            if index is not None:
                days[index.category] += 1
        counts[edition] = days
    return counts


def count_series_audit(given: Input) -> Output:
    once = series.once_each(_column(given["file"], "traffic_volume_veh_h"))
    volumes = [Fraction(value) for _, value in once.hourly if value is not None]
    times, most = [time for time, _ in once.hourly], max(volumes)
    calendar = _calendar_hours(times)
    complete = {day: mean * 24 for day, mean in series.daily_means(once.hourly, 24).items() if mean is not None}
    busiest = max(complete, key=lambda day: complete[day])
    step = series.longest_step(times)
    assert step is not None
    return {
        "rows": len(once.hourly) + once.repeated,
        "distinct_hours": len(once.hourly),
        "duplicate_rows": once.repeated,
        "hours_with_conflicting_volume": once.conflicting,
        "zero_volume_hours": volumes.count(Fraction(0)),
        "max_volume": most,
        "first_time_of_max": next(time for time, value in once.hourly if value == most).isoformat(),
        "total_volume_distinct_hours": sum(volumes),
        "calendar_hours": calendar,
        "missing_hours": calendar - len(once.hourly),
        "complete_days": len(complete),
        "mean_daily_volume_complete_days": sum(complete.values()) / len(complete),
        "busiest_complete_day": busiest.isoformat(),
        "busiest_day_volume": complete[busiest],
        "longest_step_hours": step.length / series.HOUR,
        "longest_step_starts": step.start.isoformat(),
    }


def detector_series_audit(given: Input) -> Output:
    speeds, occupancy = _column(given["file"], "speed_mph"), _column(given["file"], "occupancy_pct")
    labels = json.loads(given["labels"].read_text(encoding="utf-8"))
    times = [time for time, _ in speeds]
    steps = [later - earlier for earlier, later in pairwise(times)]
    longest, nominal = series.longest_step(times), timedelta(seconds=300)
    assert longest is not None
    speed, occupied = series.summary(speeds), series.summary(occupancy)
    both = sum(v is not None and o is not None for (_, v), (_, o) in zip(speeds, occupancy, strict=True))
    return {
        "rows": len(times),
        "speed_values": speed.valid_hours,
        "occupancy_values": occupied.valid_hours,
        "both": both,
        "steps_longer_than_300_s": sum(step > nominal for step in steps),
        "longest_step_s": longest.length.total_seconds(),
        "steps_shorter_than_300_s": sum(step < nominal for step in steps),
        "mean_speed_mph": speed.mean,
        "min_speed_mph": min(value for _, value in speeds if value is not None),
        "max_speed_mph": speed.largest,
        "max_occupancy_pct": occupied.largest,
        "mean_occupancy_pct": occupied.mean,
        "longest_equal_speed_run": series.longest_equal_run(value for _, value in speeds),
        "speed_values_in_anomaly_windows": _in_windows(speeds, labels["speed"]["anomaly_windows"]),
        "occupancy_values_in_anomaly_windows": _in_windows(occupancy, labels["occupancy"]["anomaly_windows"]),
    }


def density_from_row(given: Input) -> Output:
    wanted = datetime.fromisoformat(given["time_local"])
    speed_mph = dict(_column(given["file"], "speed_mph"))[wanted]
    occupancy_pct = dict(_column(given["file"], "occupancy_pct"))[wanted]
    share = None if occupancy_pct is None else float(occupancy_pct / 100)
    density = flow.density_from_occupancy_vpkm(share, given["effective_vehicle_length_m"])
    implied = None if density is None or speed_mph is None else density * float(speed_mph * KM_PER_MILE)
    return {
        "speed_mph": speed_mph,
        "occupancy_pct": occupancy_pct,
        "veh_per_km": density,
        "flow_veh_h_implied": implied,
    }


FUNCTIONS = (
    hourly_summary,
    daily_means,
    valid_days,
    max_daily_8h_mean,
    exceedance_hours,
    cn_daily_category_counts,
    count_series_audit,
    detector_series_audit,
    density_from_row,
)


@cache
def _column(path: Path, column: str) -> list[tuple[datetime, Decimal | None]]:
    """A column beside the first one, which holds the time as labelled; an empty field is a missing value."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            (datetime.fromisoformat(next(iter(row.values()))), Decimal(row[column]) if row[column] else None)
            for row in csv.DictReader(lines)
        ]


def _highest(by_day: Mapping[date, Fraction | None], value_key: str, date_key: str) -> Output:
    valid = {day: value for day, value in by_day.items() if value is not None}
    day = max(valid, key=lambda day: valid[day], default=None)
    if day is None:
        return {"valid_days": 0}
    return {"valid_days": len(valid), value_key: valid[day], date_key: day.isoformat()}


def _calendar_hours(times: list[datetime]) -> int:
    """Hours of the calendar days from the first stamp's to the last one's."""
    return 24 * ((max(times).date() - min(times).date()).days + 1)


def _in_windows(readings: list[tuple[datetime, Decimal | None]], windows: list[list[str]]) -> int:
    bounds = [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in windows]
    return sum(value is not None and any(start <= time <= end for start, end in bounds) for time, value in readings)
