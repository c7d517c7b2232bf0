"""What citizens report about a station, and what the city answers; and what was changed at each station.

What somebody wrote is shown to others only with the answer and when the operator says so: an open form must not become
a place to put anything on a city's page. That there is a report, and of which kind, is public at once.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from collector.web.desk.file import DeskFile

KINDS: Final = ("values", "stale", "damaged", "place", "other")
CHANGES: Final = ("installed", "moved", "recalibrated", "repaired", "removed")
RETIRED: Final = (
    "SELECT node FROM station WHERE state = 'retired' UNION"
    " SELECT node FROM (SELECT node, kind, max(id) FROM change GROUP BY node) WHERE kind = 'removed'"
)
TEXT_MAX: Final = 1000
CONTACT_MAX: Final = 200
OPEN_MAX: Final = 2000


class TooManyReports(Exception):
    """So many wait for an answer that no more are taken."""


class Report(NamedTuple):
    """One report. `text` and `contact` are for operators unless `shown`."""

    id: int
    node: str
    kind: str
    text: str
    contact: str
    at_ms: int
    answer: str | None
    shown: bool

    @property
    def public_text(self) -> str:
        return self.text if self.shown else ""


class Change(NamedTuple):
    """Something that was done at a station."""

    id: int
    node: str
    at_ms: int
    kind: str
    zh: str
    en: str


class Reports:
    """Reports and changes. Every method may be called from any thread."""

    def __init__(self, file: DeskFile) -> None:
        self._file = file

    def submit(self, node: str, kind: str, text: str, contact: str, now_ms: int) -> int:
        """Keep a report; its number. Raises TooManyReports, and ValueError for an unknown kind or an overlong text."""
        if kind not in KINDS or not text.strip() or len(text) > TEXT_MAX or len(contact) > CONTACT_MAX:
            raise ValueError("a report has a known kind, a text and at most a short contact")
        with self._file.use() as db:
            (waiting,) = db.execute("SELECT count(*) FROM report WHERE answer IS NULL").fetchone()
            if waiting >= OPEN_MAX:
                raise TooManyReports
            cursor = db.execute(
                "INSERT INTO report (node, kind, text, contact, at_ms) VALUES (?, ?, ?, ?, ?)",
                (node, kind, text.strip(), contact.strip(), now_ms),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def answer(self, number: int, text: str, show: bool, who: str, now_ms: int) -> bool:
        """Answer a report; the contact has served its purpose and is forgotten. False when none of the number waits."""
        with self._file.use() as db:
            cursor = db.execute(
                "UPDATE report SET answer = ?, shown = ?, answered_by = ?, answered_ms = ?, contact = ''"
                " WHERE id = ? AND answer IS NULL",
                (text.strip()[:TEXT_MAX], show, who, now_ms, number),
            )
            return cursor.rowcount == 1

    def of(self, node: str, limit: int = 20) -> list[Report]:
        """A station's reports, newest first."""
        rows = self._file.look("SELECT * FROM report WHERE node = ? ORDER BY id DESC LIMIT ?", node, limit)
        return [_report(row) for row in rows]

    def newest(self, limit: int = 6) -> list[Report]:
        """The newest reports of all stations."""
        return [_report(row) for row in self._file.look("SELECT * FROM report ORDER BY id DESC LIMIT ?", limit)]

    def waiting(self, limit: int = 100) -> list[Report]:
        """Reports without an answer, oldest first."""
        rows = self._file.look("SELECT * FROM report WHERE answer IS NULL ORDER BY id LIMIT ?", limit)
        return [_report(row) for row in rows]

    def add_change(self, node: str, kind: str, zh: str, en: str, now_ms: int) -> None:
        """Write down what was done. Raises ValueError for an unknown kind."""
        if kind not in CHANGES:
            raise ValueError(f"a change is one of {', '.join(CHANGES)}")
        with self._file.use() as db:
            db.execute(
                "INSERT INTO change (node, at_ms, kind, zh, en) VALUES (?, ?, ?, ?, ?)",
                (node, now_ms, kind, zh.strip()[:TEXT_MAX], en.strip()[:TEXT_MAX]),
            )

    def changes(self, node: str, limit: int = 20) -> list[Change]:
        """A station's changes, newest first."""
        rows = self._file.look("SELECT * FROM change WHERE node = ? ORDER BY at_ms DESC LIMIT ?", node, limit)
        return [Change(*row) for row in rows]

    def retired(self) -> set[str]:
        """Nodes that were put out (`lamppost stations retire`), or whose last change is that they were removed: in the
        order of writing, for a clock may have been set back since.
        """
        return {row["node"] for row in self._file.look(RETIRED)}

    def newest_changes(self, limit: int = 6) -> list[Change]:
        """The newest changes of all stations."""
        return [Change(*row) for row in self._file.look("SELECT * FROM change ORDER BY at_ms DESC LIMIT ?", limit)]


def _report(row: sqlite3.Row) -> Report:
    fields = {name: row[name] for name in Report._fields}
    return Report(**fields | {"shown": bool(row["shown"])})
