"""The book of open hours: an hour is entered when its first reading is committed and struck out when its roll-up is.

So nothing about windows needs to be remembered: after a restart every hour that is still in the book is computed from
the database. Entries are committed before a batch is acknowledged; a crash before that brings the batch again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from zoneinfo import ZoneInfo

from collector.files.statedb import transaction
from collector.numbers.windows import MINUTES, ROLLED, hour_of
from collector.stores.store import Table, Tags
from collector.timers import SetBack
from wire.times import HOUR_MS

Key = tuple[str, Tags]
"""A series: measurement and tags."""

PAST = -1
"""Due date of an hour of the past: after all that are due by what is measured now."""
LIVE = 2**62
"""Due date of an hour that is being filled in memory, from its first reading on."""
UNDER_WAY = LIVE + 1
"""Due date of what is being computed. Whoever enters it anew meanwhile gives it another, and it is not struck out."""

ASK_EVERY_MS = 1_000
LONGEST_MS = 2 * HOUR_MS, 26 * HOUR_MS
"""By so much at most an hour is due after its beginning, and a day after its own, or else at once."""
_NEVER = -(2**62)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS open_hour (series TEXT, hour_ms INTEGER, due_ms INTEGER, PRIMARY KEY (series, hour_ms))
    WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_hour_due ON open_hour (due_ms);
"""


class WindowBook:
    """All open hours of one collector, in its state file. A command that is not the collector opens it as a guest.

    Where several workers share the file, each sees the hours of its own nodes only (`is_ours`).
    """

    def __init__(
        self, db: sqlite3.Connection, owner: bool = True, is_ours: Callable[[str], bool] | None = None
    ) -> None:
        self._db = db
        self._new: dict[tuple[Key, int], int | None] = {}
        self._found_none_ms = _NEVER
        self._set_back = SetBack()
        self._is_ours = is_ours
        db.executescript(_SCHEMA)
        if is_ours is not None:
            db.create_function("ours", 1, lambda series: self.is_ours(_key(series)), deterministic=True)
        self._and_ours = "" if is_ours is None else "AND ours(series)"
        if owner:
            self.nothing_is_live()  # what was, was so in a life that has ended

    def nothing_is_live(self) -> None:
        """No hour is filled in memory any more, nor computed: each is due from the database."""
        self._found_none_ms = _NEVER
        self._db.execute(f"UPDATE open_hour SET due_ms = 0 WHERE due_ms >= ? {self._and_ours}", (LIVE,))

    def is_ours(self, key: Key) -> bool:
        """Whether this series' hours are computed here."""
        return self._is_ours is None or self._is_ours(dict(key[1])["node"])

    def enter(self, key: Key, hour_ms: int, due_ms: int) -> None:
        """Compute this hour from the database at `due_ms`; replaces an earlier date. Durable at the next commit."""
        self._new[key, hour_ms] = due_ms
        if due_ms < self._found_none_ms + ASK_EVERY_MS:
            self._found_none_ms = _NEVER

    def owe(self, tables: Iterable[Table], zone: ZoneInfo) -> None:
        """Rows that no collector has seen are in the database: their hours are due, after all others. Durable when this
        returns."""
        for table in tables:
            kind = table.measurement.removesuffix(MINUTES)
            if kind in ROLLED:
                for hour_ms in {hour_of(time_ms, zone) for time_ms in table.times_ms}:
                    self.enter((kind, table.tags), hour_ms, PAST)
        self.commit()

    def strike(self, key: Key, hour_ms: int) -> None:
        """This hour, live or under way, is in the database; one that was entered anew stays in the book."""
        self._new[key, hour_ms] = None

    def commit(self) -> None:
        """Make everything entered and struck out durable, in one transaction."""
        if not self._new:
            return
        entries = [(_text(key), hour, due) for (key, hour), due in self._new.items()]
        with transaction(self._db):
            self._db.executemany(
                "INSERT INTO open_hour VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET due_ms = excluded.due_ms",
                [entry for entry in entries if entry[2] is not None],
            )
            self._db.executemany(
                "DELETE FROM open_hour WHERE series = ? AND hour_ms = ? AND due_ms >= ?",
                [(*entry[:2], LIVE) for entry in entries if entry[2] is None],
            )
        self._new.clear()

    def due(self, now_ms: int, limit: int) -> list[tuple[Key, int]]:
        """Up to `limit` hours that are due: for the longest first, but those of the past last, a series after another.

        Where there was none, the file is asked again when an hour entered here is due, or after a second: another
        program may have entered one. Each question lets go of the lock that Python's threads share.
        """
        if self._set_back.look(now_ms):
            self._clock_was_ahead(now_ms)
        if self._found_none_ms <= now_ms < self._found_none_ms + ASK_EVERY_MS:
            return []
        found = self._due(now_ms, limit)
        self._found_none_ms = _NEVER if found else now_ms
        return found

    def _clock_was_ahead(self, now_ms: int) -> None:
        """And is set back: what was put off by it, a backlog's hours perhaps by years, is due now."""
        self._db.execute(
            "UPDATE open_hour SET due_ms = ? WHERE due_ms > ? AND due_ms < ?"
            f" AND due_ms > hour_ms + CASE WHEN series LIKE '[\"%_1d\",%' THEN ? ELSE ? END {self._and_ours}",
            (now_ms, now_ms, LIVE, *reversed(LONGEST_MS)),
        )

    def _due(self, now_ms: int, limit: int) -> list[tuple[Key, int]]:
        rows = list(self._between(PAST + 1, now_ms, limit)) or self._between(PAST, PAST, limit)
        return [(_key(series), hour_ms) for series, hour_ms in rows]

    def _between(self, from_ms: int, to_ms: int, limit: int) -> Iterable[tuple[str, int]]:
        """In the order of their index: a year of a city may be due."""
        return self._db.execute(
            f"SELECT series, hour_ms FROM open_hour WHERE due_ms BETWEEN ? AND ? {self._and_ours}"
            " ORDER BY due_ms, series, hour_ms LIMIT ?",
            (from_ms, to_ms, limit),
        )

    def waiting(self, now_ms: int) -> int:
        """How many hours are due or under way."""
        question = f"SELECT count(*) FROM open_hour WHERE (due_ms <= ? OR due_ms = ?) {self._and_ours}"
        count: int = self._db.execute(question, (now_ms, UNDER_WAY)).fetchone()[0]
        return count


def _text(key: Key) -> str:
    return json.dumps(key, separators=(",", ":"))


def _key(text: str) -> Key:
    measurement, tags = json.loads(text)
    return measurement, tuple((k, v) for k, v in tags)
