"""What the collector says of itself, in one file that is replaced whole: counters and alarms."""

from __future__ import annotations

import json
import logging
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from collector.health.alarms import Alarms
from wire.times import MINUTE_MS

log = logging.getLogger("lamppost.collector")

SCHEMA = "lamppost.collector.report/1"
EVERY_MS = 500
FRESH_MS = MINUTE_MS


class SelfReport:
    """Writes at most twice a second. A disk that will not take it costs nothing but the report."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self._written_ms = 0

    def tell(self, counts: Counter[str], alarms: Alarms, pending_rows: int, now_ms: int) -> None:
        if 0 <= now_ms - self._written_ms < EVERY_MS:
            return
        self._written_ms = now_ms
        said: dict[str, Any] = {"schema": SCHEMA, "name": self._name, "at_ms": now_ms, "pending_rows": pending_rows}
        said |= {"counts": dict(sorted(counts.items())), "alarms": alarms, "alarms_since_ms": alarms.since_ms}
        aside = self._path.with_name(self._path.name + ".new")
        try:
            aside.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
            aside.replace(self._path)
        except OSError as error:
            log.debug("report: %s", error)


def path_beside(state_file: Path) -> Path:
    """Where a collector with this state file reports."""
    return state_file.with_name(state_file.stem + ".report.json")


def alarms_beside(state_file: Path, now_ms: int, runs: bool) -> dict[str, tuple[str, int]]:
    """What the running collector with this state file says is wrong, and since when; nothing when it does not run.

    `runs`: the broker says that it does. Then a report that stands still is the thing that is wrong: a collector whose
    disk is full cannot say so in a file.
    """
    path = path_beside(state_file)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if now_ms - said["at_ms"] > FRESH_MS:
            return {"report": (_stands_still(path), said["at_ms"])} if runs else {}
        return {name: (text, said["alarms_since_ms"].get(name, now_ms)) for name, text in said["alarms"].items()}
    except (OSError, ValueError, KeyError):
        return {}


def _stands_still(path: Path) -> str:
    free_mib = shutil.disk_usage(path.parent).free / 2**20
    return (
        f"the collector runs, and no longer writes {path}: {free_mib:.0f} MiB are free there."
        " Make room or mend the disk; until then what happens is kept in memory"
    )
