"""The notes of a run: what every sensor meant, and what may excuse that it is not in the database. One SQLite file.

    series   node, site, sensor, kind, tags
    sent     one row a reading: its true time, its values, the clock quality it must carry, and a cause when it may be
             missing (`line`: damaged on its way; `agent-off`; `uncommitted` at a power cut; `warming_up` ...)
    batch    what was sealed, when, and when it was answered for
    moment   what the simulator did to the system, for people to read
    meta     scenario, seed, times, the hash of all bytes

A reading without a cause must be in the database. Notes are taken by the simulator alone, never by what it simulates.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, node TEXT, site TEXT, sensor TEXT, kind TEXT, tags TEXT,
    UNIQUE (node, sensor, kind, tags));
CREATE TABLE IF NOT EXISTS sent (series INTEGER, time_ms INTEGER, body TEXT, cq INTEGER DEFAULT 0, cause TEXT,
    PRIMARY KEY (series, time_ms)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (node TEXT, seq INTEGER, spool TEXT, rows INTEGER, from_ms INTEGER, to_ms INTEGER,
    sealed_ms INTEGER, answered_ms INTEGER, code INTEGER, PRIMARY KEY (node, spool, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moment (at_ms INTEGER, text TEXT);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT);
"""
HELD_MAX = 20_000


class SeriesOf(NamedTuple):
    """What readings belong together."""

    node: str
    site: str
    sensor: str
    kind: str
    tags: tuple[tuple[str, str], ...] = ()


class Sent(NamedTuple):
    """One reading as the sensor meant it. `body` is None for a frame of which only the time is known."""

    time_ms: int
    values: dict[str, float] | None
    cq: int
    cause: str | None


Key = tuple[int, int]
"""Series and time: the name of a reading."""


class Notes:
    """Writes and reads one file of notes. Rows are held in memory and written in bulk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=MEMORY")
        self._db.execute("PRAGMA synchronous=OFF")  # a run that dies is run again
        self._db.executescript(_SCHEMA)
        self._series: dict[SeriesOf, int] = {}
        self._held: dict[Key, tuple[str | None, int, str | None]] = {}
        self._batches: dict[tuple[str, str, int], tuple[Any, ...]] = {}

    # -- writing --------------------------------------------------------------------------------------------------

    def sent(
        self, series: SeriesOf, time_ms: int, values: dict[str, Any] | None, cause: str | None = None, cq: int = 0
    ) -> Key:
        """A sensor has said something. A second word of one millisecond stands one later, as agents have it."""
        number = self._number(series)
        while (number, time_ms) in self._held:
            time_ms += 1
        self._held[number, time_ms] = (json.dumps(values) if values is not None else None, cq, cause)
        return number, time_ms

    def excuse(self, keys: Iterable[Key], cause: str) -> None:
        """These may be missing, for this reason; the first reason counts."""
        self._change(keys, lambda body, cq, known: (body, cq, known or cause))

    def clock(self, keys: Iterable[Key], cq: int) -> None:
        """These must carry this clock quality."""
        self._change(keys, lambda body, _, cause: (body, cq, cause))

    def _change(self, keys: Iterable[Key], how: Any) -> None:
        for key in keys:
            row = self._held.get(key)
            if row is None:
                row = self._db.execute(
                    "SELECT body, cq, cause FROM sent WHERE series = ? AND time_ms = ?", key
                ).fetchone()
            if row is not None:
                self._held[key] = how(*row)

    def sealed(self, node: str, spool: str, seq: int, rows: int, from_ms: int, to_ms: int, now_ms: int) -> None:
        """A batch was sealed."""
        self._batches[node, spool, seq] = (node, seq, spool, rows, from_ms, to_ms, now_ms, None, None)

    def answered(self, node: str, spool: str, seq: int, code: int, now_ms: int) -> None:
        """A batch was answered for good."""
        row = self._batches.get((node, spool, seq))
        if row is not None:
            self._batches[node, spool, seq] = (*row[:7], now_ms, code)
        else:
            statement = "UPDATE batch SET answered_ms = ?, code = ? WHERE node = ? AND spool = ? AND seq = ?"
            self._db.execute(statement, (now_ms, code, node, spool, seq))

    def moment(self, at_ms: int, text: str) -> None:
        """The simulator has done something to the system."""
        self._db.execute("INSERT INTO moment VALUES (?, ?)", (at_ms, text))

    def say(self, **meta: Any) -> None:
        """Facts about the run."""
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(k, json.dumps(v)) for k, v in meta.items()])

    def settle(self, most: int = HELD_MAX) -> None:
        """Write what is held when it is more than `most`. Old rows go out; a late excuse finds them in the file."""
        if len(self._held) <= most and len(self._batches) <= most:
            return
        rows = [(*key, *row) for key, row in self._held.items()]
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?)", rows)
        self._db.executemany("INSERT OR REPLACE INTO batch VALUES (?,?,?,?,?,?,?,?,?)", list(self._batches.values()))
        self._db.execute("COMMIT")
        self._held.clear()
        self._batches.clear()

    def close(self) -> None:
        """Write everything."""
        self.settle(0)
        self._db.close()

    def _number(self, series: SeriesOf) -> int:
        found = self._series.get(series)
        if found is None:
            node, site, sensor, kind, tags = series
            row = (node, site, sensor, kind, json.dumps(tags))
            self._db.execute("INSERT OR IGNORE INTO series (node, site, sensor, kind, tags) VALUES (?,?,?,?,?)", row)
            question = "SELECT id FROM series WHERE node = ? AND sensor = ? AND kind = ? AND tags = ?"
            found = self._series[series] = self._db.execute(question, (node, sensor, kind, row[4])).fetchone()[0]
        return found

    # -- reading --------------------------------------------------------------------------------------------------

    def meta(self) -> dict[str, Any]:
        """All facts about the run."""
        return {key: json.loads(value) for key, value in self._db.execute("SELECT key, value FROM meta")}

    def series(self) -> dict[int, SeriesOf]:
        """Every series by its number."""
        found = self._db.execute("SELECT id, node, site, sensor, kind, tags FROM series ORDER BY id")
        return {
            number: SeriesOf(node, site, sensor, kind, tuple((k, v) for k, v in json.loads(tags)))
            for number, node, site, sensor, kind, tags in found
        }

    def readings(self, number: int, from_ms: int, until_ms: int) -> Iterator[Sent]:
        """One series' readings in [from, until), by time."""
        question = (
            "SELECT time_ms, body, cq, cause FROM sent WHERE series = ? AND time_ms >= ? AND time_ms < ? ORDER BY 1"
        )
        for time_ms, body, cq, cause in self._db.execute(question, (number, from_ms, until_ms)):
            yield Sent(time_ms, None if body is None else json.loads(body), cq, cause)

    def span(self) -> tuple[int, int] | None:
        """The first and the last time of all readings."""
        first, last = self._db.execute("SELECT min(time_ms), max(time_ms) FROM sent").fetchone()
        return None if first is None else (first, last)

    def count(self, number: int) -> int:
        """How many readings of a series there are."""
        counted: int = self._db.execute("SELECT count(*) FROM sent WHERE series = ?", (number,)).fetchone()[0]
        return counted

    def late(self) -> dict[str, Any]:
        """How long batches waited from their newest reading to their answer, and how many have none."""
        row = self._db.execute(
            "SELECT count(*), sum(answered_ms IS NULL), max(answered_ms - from_ms), avg(answered_ms - to_ms) FROM batch"
        ).fetchone()
        return {
            "batches": row[0], "unanswered": row[1] or 0, "late_s_max": round((row[2] or 0) / 1000, 1),
            "late_s_mean": round((row[3] or 0) / 1000, 1),
        }  # fmt: skip

    def moments(self) -> list[tuple[int, str]]:
        """What was done to the system, by time."""
        return [(at, text) for at, text in self._db.execute("SELECT at_ms, text FROM moment ORDER BY at_ms, rowid")]
