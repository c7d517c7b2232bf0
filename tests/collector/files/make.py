"""`python -m tests.collector.files.make FILE.tar.gz`: a collector's files as today's leaves them, kept for ever.

Run once for each new format, never again for an old one. An alert that fires and was told, one line of each table.
"""

from __future__ import annotations

import sqlite3
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.delivery.quarantine import Name, Part, Quarantine
from collector.delivery.registry import Registry
from collector.delivery.series import SeriesBudget
from collector.identity.book import Book
from collector.numbers.calibration import Calibrations, Record
from collector.numbers.window_book import WindowBook
from collector.stations import fleet, names
from collector.stations.technician import SCHEMA as INSTALLATIONS
from collector.web.desk.accounts import Accounts
from collector.web.desk.api_tokens import ApiTokens
from collector.web.desk.reports import Reports
from tests.alerts.desk import HIGH, HOURLY, T0, TEXT, Desk, node
from wire.times import HOUR_MS, MINUTE_MS

FILES = ("c1.db", "c1-desk.db", "readings.db")
NAME = Name("lp-1", "0" * 32, 7, "d" * 32)
WEEKLY = {
    "alert": "weekly",
    "kind": "air_quality",
    "window": {"mean": "pm25_ugm3", "over": "15m", "versus": "last-week"},
    "raise": "< -60%",
    "text": TEXT,
}
RULES = (HIGH, HOURLY, WEEKLY)
AIR = ("air_quality", (("node", "lp-1"), ("sensor", "air-1"), ("site", "east")))


def fill(folder: Path) -> None:
    """Write all three."""
    with closing(Desk(folder, *RULES)) as office:
        for value in (10.0, 90.0):
            office.reading(value)
            office.wait(MINUTE_MS)
        (alert,) = office.alerting.current()
        asked = {"alert": alert.fingerprint, "who": "wang.lei", "until_ms": office.now_ms + HOUR_MS}
        assert "done" in office.alerting.ask("ack", asked, office.now_ms)
        _state(office.state)
        _desk(office)


def _state(db: sqlite3.Connection) -> None:
    registry = Registry(db)
    registry.update(node().birth, T0)
    registry.save()
    quarantine = Quarantine(db)
    quarantine.keep_whole(NAME, b"whole", "why", T0)
    quarantine.keep_parts(NAME, [Part(0, None, "why", "{}")], T0)
    quarantine.keep_stray("e" * 32, "lp-9", b"stray", "why", T0)
    SeriesBudget(db, 9)
    book = WindowBook(db)
    book.enter(AIR, T0, T0 + 1)
    book.commit()
    Calibrations(db).add(Record("lp-1", "air-1", "pm25_ugm3", T0, T0, "wang.lei", "linear", 0.5, 1.0, "pole 7"))
    names.rename(db, "lp-1", "东口", "East")
    fleet.end_version(db, "lp-1", fleet.begin_version(db, "lp-1", "seal_s: 2", "wang.lei", T0), "kept")
    db.executescript(INSTALLATIONS)
    db.execute("INSERT INTO installation (node, at_ms, body) VALUES ('lp-1', ?, '{\"who\": \"wang.lei\"}')", (T0,))


def _desk(office: Desk) -> None:
    Accounts(office.trail).create("wang.lei", "correct horse", T0)
    ApiTokens(office.trail).create("grafana", ["read"], "wang.lei", T0)
    Reports(office.trail).submit("lp-1", "other", "too loud", "", T0)
    Reports(office.trail).add_change("lp-1", "repaired", "换了风扇", "another fan", T0)
    Book(office.trail).enrolled("lp-1", 17, T0 + MINUTE_MS, "wang.lei", T0)
    Book(office.trail).new_token("lp-2", "wang.lei", T0)


def main() -> None:
    """The files, with their logs played in."""
    with TemporaryDirectory() as name, tarfile.open(sys.argv[1], "w:gz") as tar:
        fill(Path(name))
        for file in FILES:
            with closing(sqlite3.connect(Path(name, file))) as db:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            tar.add(Path(name, file), file)


if __name__ == "__main__":
    main()
