"""The node's own health, once a minute: a reading of kind `node_health`, stored beside the sensors' readings.

What a board does not tell (no thermometer, no /proc) is left out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edge_agent.reading import Reading, Series
from edge_agent.spool.place import nearest_folder
from edge_agent.spool.spool import Depth

KIND: Final = "node_health"
EVERY_S: Final = 60.0
SERIES: Final = Series("node", KIND)
_THERMOMETER: Final = Path("/sys/class/thermal/thermal_zone0/temp")
_MEMORY: Final = Path("/proc/self/statm")


def of_board(disk: Path) -> dict[str, float]:
    """Processor temperature, load, memory of this process, free bytes of the file system that holds `disk`."""
    found: dict[str, float] = {"load_1m": os.getloadavg()[0]}
    room = os.statvfs(disk if disk.exists() else nearest_folder(disk))
    found["disk_free_b"] = float(room.f_bavail * room.f_frsize)
    temperature = _number(_THERMOMETER, 0)
    if temperature is not None:
        found["cpu_temp_c"] = temperature / 1000
    pages = _number(_MEMORY, 1)
    if pages is not None:
        found["rss_b"] = float(pages * os.sysconf("SC_PAGE_SIZE"))
    return found


def reading(
    board: Mapping[str, float],
    depth: Depth,
    bad_frames: int,
    stamp_ms: int,
    now_ms: int | None,
    offset_s: float | None = None,
) -> Reading:
    """The reading. `now_ms` is the true time, or None while nobody knows it: then the age of what waits is not told.

    `offset_s` is how far this clock is ahead of the collector's, where that is known.
    """
    values: dict[str, float | int] = {**board, "spool_rows": depth.rows, "bad_frames": bad_frames}
    if now_ms is not None:
        values["spool_age_s"] = 0.0 if depth.oldest_ms is None else max(0.0, (now_ms - depth.oldest_ms) / 1000)
    if now_ms is not None and offset_s is not None:
        values["clock_offset_s"] = offset_s
    return Reading(SERIES, stamp_ms, values)


def _number(file: Path, place: int) -> int | None:
    try:
        return int(file.read_text(encoding="utf-8").split()[place])
    except (OSError, ValueError, IndexError):
        return None
