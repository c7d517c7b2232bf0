"""The book of identities: enrolment tokens, and what every station was given. In the desk's file, beside the trail.

A token is 256 random bits for one node, good once and for a quarter of an hour. Only its digest is kept: who reads the
file cannot enrol with it.
"""

from __future__ import annotations

import secrets
import sqlite3
from typing import Final, NamedTuple

from collector.files import trail
from collector.web.desk.file import DeskFile, digest
from wire.times import DAY_MS, MINUTE_MS

LIFE_MS: Final = 15 * MINUTE_MS
LIFE_MS_MAX: Final = 7 * DAY_MS
REFUSALS_A_MINUTE: Final = 10
_SCHEMA = """
CREATE TABLE IF NOT EXISTS token (digest BLOB PRIMARY KEY, node TEXT, made_by TEXT, made_ms INTEGER,
    expires_ms INTEGER, used_ms INTEGER, revoked_ms INTEGER);
CREATE TABLE IF NOT EXISTS certificate (serial TEXT PRIMARY KEY, node TEXT, made_ms INTEGER, expires_ms INTEGER,
    revoked_ms INTEGER);
"""


_IS_GOOD = (
    "SELECT 1 FROM certificate JOIN station USING (node)"
    " WHERE serial = ? AND node = ? AND revoked_ms IS NULL AND state = 'active'"
)


class TokenRefused(ValueError):
    """Not a token of this node, or used, revoked or too old. Which of these is for the trail, not for the sender."""


class Token(NamedTuple):
    """A token as the list shows it; `id` is the beginning of its digest."""

    id: str
    node: str
    made_by: str
    expires_ms: int
    state: str


class Enrolled(NamedTuple):
    """A station: `state` is active or retired; when its newest certificate ends."""

    node: str
    state: str
    changed_ms: int
    expires_ms: int | None


class Book:
    """Tokens, certificates and stations. Methods may be called from any thread and process."""

    def __init__(self, file: DeskFile) -> None:
        self._file = file
        self._minute, self._written, self._unwritten = 0, 0, 0
        with file.use() as db:
            for statement in _SCHEMA.strip().split(";\n"):
                db.execute(statement)

    # -- tokens ---------------------------------------------------------------------------------------------------

    def new_token(self, node: str, who: str, now_ms: int, life_ms: int = LIFE_MS) -> str:
        """A fresh token for a node; it cannot be seen again."""
        if not 0 < life_ms <= LIFE_MS_MAX:
            raise ValueError("a token lives at most seven days")
        token = secrets.token_urlsafe(32)
        with self._file.use() as db:
            db.execute("DELETE FROM token WHERE expires_ms < ?", (now_ms - 30 * DAY_MS,))
            db.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?, NULL, NULL)",
                (digest(token), node, who, now_ms, now_ms + life_ms),
            )
            trail.append(db, trail.Line(now_ms, who, "token", node))
        return token

    def take_token(self, token: str, node: str, now_ms: int) -> None:
        """Use a token up: of any number of attempts at once exactly one succeeds. Raises TokenRefused."""
        with self._file.use() as db:
            taken = db.execute(
                "UPDATE token SET used_ms = ? WHERE digest = ? AND node = ? AND used_ms IS NULL"
                " AND revoked_ms IS NULL AND expires_ms > ?",
                (now_ms, digest(token), node, now_ms),
            ).rowcount
            if not taken:
                self._refused(db, trail.Line(now_ms, node, "token-refused", _why(db, token, node, now_ms)))
        if not taken:
            raise TokenRefused

    def give_back(self, token: str) -> None:
        """The token was good but nothing came of it through no fault of its holder."""
        with self._file.use() as db:
            db.execute("UPDATE token SET used_ms = NULL WHERE digest = ?", (digest(token),))

    def tokens(self, now_ms: int) -> list[Token]:
        """All tokens that are remembered, newest first."""
        return [
            Token(row["digest"].hex()[:12], row["node"], row["made_by"], row["expires_ms"], _state(row, now_ms))
            for row in self._file.look("SELECT * FROM token ORDER BY made_ms DESC")
        ]

    def revoke_token(self, beginning: str, who: str, now_ms: int) -> bool:
        """Make a token worthless by the beginning of its digest; False when none begins so."""
        with self._file.use() as db:
            rows = db.execute("SELECT digest, node FROM token WHERE revoked_ms IS NULL").fetchall()
            found = [row for row in rows if len(beginning) >= 6 and row["digest"].hex().startswith(beginning)]
            for row in found:
                db.execute("UPDATE token SET revoked_ms = ? WHERE digest = ?", (now_ms, row["digest"]))
                trail.append(db, trail.Line(now_ms, who, "token-revoked", row["node"]))
        return bool(found)

    # -- stations -------------------------------------------------------------------------------------------------

    def enrolled(self, node: str, serial: int, expires_ms: int, who: str, now_ms: int) -> None:
        """A certificate was given out; the node is active."""
        with self._file.use() as db:
            self._given(db, node, serial, expires_ms, trail.Line(now_ms, who, "enrolled", f"{node} {serial:x}"))

    def renewed(self, node: str, old: int, serial: int, expires_ms: int, now_ms: int) -> bool:
        """A certificate is given out for an older one; False when that is good no more, as when its station was retired
        meanwhile: who has stolen it asks again and again."""
        with self._file.use() as db:
            is_good = db.execute(_IS_GOOD, (f"{old:x}", node)).fetchone() is not None
            if is_good:
                self._given(db, node, serial, expires_ms, trail.Line(now_ms, node, "renewed", f"{node} {serial:x}"))
        return is_good

    @staticmethod
    def _given(db: sqlite3.Connection, node: str, serial: int, expires_ms: int, line: trail.Line) -> None:
        db.execute(
            "INSERT OR REPLACE INTO certificate VALUES (?, ?, ?, ?, NULL)",
            (f"{serial:x}", node, line.at_ms, expires_ms),
        )
        db.execute("INSERT OR REPLACE INTO station VALUES (?, 'active', ?)", (node, line.at_ms))
        trail.append(db, line)

    def retire(self, node: str, who: str, now_ms: int) -> int:
        """All certificates of a node are worth nothing from now on; returns how many there were."""
        with self._file.use() as db:
            gone = db.execute(
                "UPDATE certificate SET revoked_ms = ? WHERE node = ? AND revoked_ms IS NULL", (now_ms, node)
            ).rowcount
            db.execute("INSERT OR REPLACE INTO station VALUES (?, 'retired', ?)", (node, now_ms))
            db.execute("UPDATE token SET revoked_ms = ? WHERE node = ? AND used_ms IS NULL", (now_ms, node))
            trail.append(db, trail.Line(now_ms, who, "retired", node))
        return gone

    def is_good(self, node: str, serial: int) -> bool:
        """Whether this certificate was given to this node and not revoked, whatever its age."""
        return bool(self._file.look(_IS_GOOD, f"{serial:x}", node))

    def revoked(self) -> list[int]:
        """Serial numbers for the list of the revoked."""
        return [int(row[0], 16) for row in self._file.look("SELECT serial FROM certificate WHERE revoked_ms NOT NULL")]

    def stations(self) -> list[Enrolled]:
        """Every station that was ever enrolled; another collector that was retired is none."""
        rows = self._file.look(
            "SELECT node, state, changed_ms, (SELECT max(expires_ms) FROM certificate c WHERE c.node = s.node"
            " AND revoked_ms IS NULL) FROM station s"
            " WHERE node NOT IN (SELECT about FROM audit WHERE what = 'standby') ORDER BY node"
        )
        return [Enrolled(*row) for row in rows]

    def knows(self, name: str) -> bool:
        """Whether a station or another collector of this name was ever let in, or is to be by a token."""
        rows = self._file.look(
            "SELECT 1 FROM station WHERE node = ? UNION SELECT 1 FROM token WHERE node = ?"
            " UNION SELECT 1 FROM audit WHERE what = 'standby' AND about = ?",
            *(name, name, name),
        )
        return bool(rows)

    def not_renewed(self, since_ms: int, good_ms: int) -> list[str]:
        """Stations whose newest certificate is from before `since_ms`, and does not end before `good_ms`."""
        rows = self._file.look(
            "SELECT node FROM station JOIN certificate USING (node) WHERE state = 'active' AND revoked_ms IS NULL"
            " GROUP BY node HAVING max(made_ms) < ? AND max(expires_ms) > ? ORDER BY node",
            since_ms,
            good_ms,
        )
        return [str(row[0]) for row in rows]

    def refused(self, who: str, what: str, about: str, now_ms: int) -> None:
        """Somebody was refused: a line in the trail, or one more of those that the next line counts."""
        with self._file.use() as db:
            self._refused(db, trail.Line(now_ms, who, what, about))

    def _refused(self, db: sqlite3.Connection, line: trail.Line) -> None:
        """Anybody can be refused as often as they like, and a trail is for ever: so many lines a minute."""
        if line.at_ms // MINUTE_MS != self._minute:
            self._minute, self._written = line.at_ms // MINUTE_MS, 0
        if self._written >= REFUSALS_A_MINUTE:
            self._unwritten += 1
            return
        more = f" and {self._unwritten} more before" if self._unwritten else ""
        trail.append(db, line._replace(about=line.about + more))
        self._written, self._unwritten = self._written + 1, 0


def _state(row: sqlite3.Row, now_ms: int) -> str:
    if row["revoked_ms"] is not None:
        return "revoked"
    if row["used_ms"] is not None:
        return "used"
    return "open" if row["expires_ms"] > now_ms else "expired"


def _why(db: sqlite3.Connection, token: str, node: str, now_ms: int) -> str:
    row = db.execute("SELECT * FROM token WHERE digest = ?", (digest(token),)).fetchone()
    if row is None:
        return "unknown"
    return _state(row, now_ms) if row["node"] == node else f"of {row['node']}"
