"""Real data in the city's place: columns of any CSV, from a time of theirs, over what the city computes.

The shipped slices go by name (beijing, london, i94); any other file by its path. A column is taken when it bears the
name of something a sensor can feel, ours or one of the aliases below; the time column is the first whose name begins
with `time`. Values between rows are straight lines, gaps too.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final, NamedTuple

from measures.averages import DIRECTIONS
from simulator.replay import BEIJING, I94, REAL_DATA, SeriesOfHours, seconds

SHIPPED: Final = {"beijing": BEIJING, "i94": I94, "london": REAL_DATA / "london_marylebone_2003.csv"}
ALIASES: Final[dict[str, tuple[str, float]]] = {
    "co_ugm3": ("co_mgm3", 0.001), "ws_ms": ("wind_speed_ms", 1.0), "wd_deg": ("wind_dir_deg", 1.0),
    "no2_ppb": ("no2_ugm3", 1.882), "o3_ppb": ("o3_ugm3", 1.963), "so2_ppb": ("so2_ugm3", 2.62),
    "co_ppm": ("co_mgm3", 1.146), "pm25_raw_ugm3": ("pm25_ugm3", 1.0), "pm10_raw_ugm3": ("pm10_ugm3", 1.0),
    "traffic_volume_veh_h": ("vehicles_vph", 1.0), "flow_vph": ("vehicles_vph", 1.0),
    "rain_mm": ("rain_rate_mmh", 1.0),
}  # fmt: skip
"""Other names of columns: what they are here, and the factor; gases at 25 °C, rain by the hour."""
KNOWN: Final = frozenset(
    {"pm1_ugm3", "pm25_ugm3", "pm10_ugm3", "no_ugm3", "no2_ugm3", "o3_ugm3", "so2_ugm3", "co_mgm3", "temp_c", "rh_pct",
     "press_hpa", "wind_speed_ms", "wind_dir_deg", "rain_rate_mmh", "vehicles_vph"}
)  # fmt: skip


class Column(NamedTuple):
    """One series, what it is worth, and its mean over the file."""

    series: SeriesOfHours
    factor: float
    mean: float


class Replayed:
    """One file from `from_s` of its own time on, which is `start_ms` of the run. Raises ValueError, OSError."""

    def __init__(self, file: str, starts: str, start_ms: int) -> None:
        path = SHIPPED.get(file) or Path(file)
        with path.open(newline="") as rows:
            reader = csv.DictReader(rows)
            heads = list(reader.fieldnames or ())
        time = next((head for head in heads if head.startswith("time")), None)
        if time is None:
            raise ValueError(f"{file}: no column whose name begins with time")
        self._start_ms = start_ms
        self._from_s = seconds(starts)
        self._columns: dict[str, Column] = {}
        for head in heads:
            name, factor = ALIASES.get(head, (head, 1.0))
            if name in KNOWN:
                series = SeriesOfHours(path, head, time, is_direction=name in DIRECTIONS)
                if not series.holds(self._from_s):
                    raise ValueError(f"{file}: {head} has nothing of {starts}")
                self._columns[name] = Column(series, factor, series.mean() * factor)
        if not self._columns:
            raise ValueError(f"{file}: no column of {', '.join(sorted(KNOWN))}")

    def at(self, time_ms: int) -> dict[str, float]:
        """What the file says of a time of the run."""
        at_s = self._from_s + (time_ms - self._start_ms) / 1000
        found = {name: column.series.at(at_s) * column.factor for name, column in self._columns.items()}
        if "pm25_ugm3" in found:
            found.setdefault("pm1_ugm3", 0.7 * found["pm25_ugm3"])
            found["pm10_ugm3"] = max(found["pm25_ugm3"], found.get("pm10_ugm3", 1.4 * found["pm25_ugm3"]))
        return found

    def busy(self, time_ms: int) -> float | None:
        """Traffic as a part of the file's mean, or None where it has none."""
        column = self._columns.get("vehicles_vph")
        if column is None:
            return None
        at_s = self._from_s + (time_ms - self._start_ms) / 1000
        return column.series.at(at_s) * column.factor / column.mean
