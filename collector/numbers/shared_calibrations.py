"""Calibration records in the database, where a collector that takes over finds those of the one before: `cal_id` of a
value names them by number, so each keeps its own.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from collector.edge import Edge
from collector.numbers.calibration import Calibrations, Record, record_of
from collector.stores.store import SOON_S, Aside, Select, Store, Stored, StoreDown, Table
from collector.timers import passed
from wire.times import DAY_MS

log = logging.getLogger("lamppost.collector")

MEASUREMENT: Final = "calibration"
AGAIN_MS: Final = 10_000
EVERY_MS: Final = DAY_MS  # the database forgets what is older than it keeps; what is in force may be older


class SharedCalibrations:
    """Brings to the database what only we know, and to us what only it knows."""

    def __init__(self, calibrations: Calibrations, store: Store, alarm: Callable[[str, str], None]) -> None:
        self._calibrations, self._store, self._alarm = calibrations, store, alarm
        self._edge = Edge(log)
        self._same_at: int | None = None  # how many records there were as they were exchanged
        self._under_way: Future[list[Record]] | None = None
        self._failed_ms = self._exchanged_ms = 0

    def look_up(self) -> None:
        """Another collector may have made some meanwhile; waits for the database for seconds at most."""
        with suppress(StoreDown, sqlite3.Error):  # look() goes on with it, and tells what we have
            self._learn(_read(self._store))
        self._same_at = None

    def look(self, aside: Aside, now_ms: int) -> None:
        """Call a few times a second while this collector works. Waits for nothing."""
        if self._under_way is not None:
            if not self._under_way.done():
                return
            done, self._under_way = self._under_way, None
            try:
                self._learn(done.result())
                self._edge.is_over()
            except (StoreDown, sqlite3.Error) as error:  # the latter of our own file
                self._same_at, self._failed_ms = None, now_ms
                self._edge.fails(f"calibrations are not shared by way of the database: {error}")
        elif self._is_due(now_ms):
            records, self._exchanged_ms = self._calibrations.all(), now_ms
            self._same_at = self._calibrations.count  # now: one that is made meanwhile is another round's
            self._under_way = aside(lambda: _exchange(self._store, records, now_ms))

    def _is_due(self, now_ms: int) -> bool:
        news = self._same_at != self._calibrations.count or passed(now_ms, self._exchanged_ms, EVERY_MS)
        return news and passed(now_ms, self._failed_ms, AGAIN_MS)

    def _learn(self, theirs: list[Record]) -> None:
        others = self._calibrations.learn(theirs)
        if others:
            names = ", ".join(record.name for record in others)
            text = (
                f"calibration {names} is one here and another in the database: two collectors made it under one number"
            )
            self._alarm(
                "calibration", f"{text}. Cure: make it again on the collector that works (`lamppost calibrate`)"
            )


def _exchange(store: Store, mine: Iterable[Record], now_ms: int) -> list[Record]:
    """Write those that the database lacks, as of now; gives all that it had. Raises StoreDown."""
    theirs = _read(store)
    known = {record.number for record in theirs}
    rows = [row for record in mine if record.number not in known for row in store.render(_row(record, now_ms))]
    answer = store.write(rows) if rows else Stored()
    if not isinstance(answer, Stored):
        raise StoreDown(answer.reason)
    return theirs


def _read(store: Store) -> list[Record]:
    found = store.select(Select(MEASUREMENT, ("number", "body"), within_s=SOON_S))
    rows = (row for series in found for row in series.rows)
    try:
        return [record_of(number, body) for _, number, body in rows]
    except (ValueError, TypeError) as error:  # of a newer collector, or nobody's
        raise StoreDown(f"a row of {MEASUREMENT} is none that this version knows: {error}") from error


def _row(record: Record, now_ms: int) -> Table:
    tags = (("node", record.node), ("sensor", record.sensor))
    columns: dict[str, list[Any]] = {"number": [record.number], "body": [json.dumps(asdict(record))]}
    return Table(MEASUREMENT, tags, [now_ms], columns, frozenset({"number"}), record.number % 1_000_000)
