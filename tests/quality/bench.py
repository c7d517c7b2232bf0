"""Roll-ups on a real SQLite store, with readings put in the database as the ingest does."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collector.files.statedb import open_state
from collector.numbers.quality import Quality
from collector.numbers.reporting import Reporting
from collector.numbers.rollups import Rollups
from collector.numbers.window_book import WindowBook
from collector.stores.sqlite import Sqlite
from collector.stores.store import Stored, Table
from tests import stored
from wire.quantities import QUANTITIES

SHANGHAI = ZoneInfo("Asia/Shanghai")
AIR = (("node", "lp-1"), ("sensor", "air-1"), ("site", "s"))
LANE = (("direction", "in"), ("lane", "1"), ("node", "lp-1"), ("sensor", "radar-1"), ("site", "s"))
_NUMBER = itertools.count()


class Bench:
    """One collector's windows. `restart` forgets everything that is not on disk."""

    def __init__(self, folder: Path, now_ms: int, reporting: Reporting | None = None) -> None:
        folder = folder / f"bench-{next(_NUMBER)}"
        folder.mkdir()
        self.now_ms = now_ms
        self.reporting = reporting or Reporting(SHANGHAI)
        self.store = Sqlite(folder / "readings.db")
        assert self.store.prepare() == Stored()
        self._state = open_state(folder / "state.db")
        self._state.execute("PRAGMA synchronous=OFF")
        assert self.store._writer is not None
        self.store._writer.execute("PRAGMA synchronous=OFF")
        self.told: list[Table] = []
        self.restart()

    def close(self) -> None:
        self.store.close()
        self._state.close()

    def restart(self) -> None:
        self.rollups = Rollups(self.store, WindowBook(self._state), lambda _: self.reporting, Quality({}))

    def commit(self, table: Table) -> None:
        """Readings reach the database, then the windows."""
        stored.put(self.store, table)
        self.rollups.observe([table], self.now_ms)
        self.told += self.rollups.step(self.now_ms)

    def settle(self, days: int = 2) -> None:
        """Time passes until nothing is due."""
        for _ in range(1000):
            self.now_ms += 60_000
            self.told += self.rollups.step(self.now_ms)
            if not self.rollups.waiting(self.now_ms):
                break
        self.now_ms += days * 86_400_000
        for _ in range(1000):
            self.now_ms += 10_000
            self.told += self.rollups.step(self.now_ms)
            if not self.rollups.waiting(self.now_ms):
                return
        raise AssertionError("windows never settle")

    def rows(self, measurement: str, *columns: str, **where: str) -> list[list[Any]]:
        return stored.rows(self.store, measurement, *columns, **where)

    def everything(self) -> dict[str, list[Any]]:
        """All that is stored beside the readings."""
        with self.store._readers.one() as db:
            return self._everything(db)

    @staticmethod
    def _everything(db: sqlite3.Connection) -> dict[str, list[Any]]:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name LIKE 'p\\_%' ESCAPE '\\'")]
        found = {}
        for name in tables:
            if name not in ("p_air_quality", "p_traffic_flow", "p_weather"):
                cursor = db.execute(f'SELECT tags, p.* FROM "{name}" p JOIN series ON series.id = p.series')
                names = [column[0] for column in cursor.description]
                kept = [dict(zip(names, row, strict=True)) for row in cursor]
                rows = [{k: v for k, v in row.items() if k != "series" and v not in (None, "")} for row in kept]
                found[name] = sorted(rows, key=lambda row: (row["tags"], row["time"]))
        return found


def air(times_ms: Sequence[int], codes: Sequence[str | None] | None = None, **columns: Sequence[Any]) -> Table:
    found: dict[str, list[Any]] = {name: list(column) for name, column in columns.items()}
    found["qc"] = [1] * len(times_ms) if codes is None else [1 if code is None else 4 for code in codes]
    if codes is not None and any(codes):
        found["qc_code"] = list(codes)
    return Table("air_quality", AIR, list(times_ms), found, frozenset({"qc"}))


def flow(times_ms: Sequence[int], **columns: list[Any]) -> Table:
    whole = frozenset(name for name in columns if QUANTITIES[name].whole)
    return Table("traffic_flow", LANE, list(times_ms), columns, whole)
