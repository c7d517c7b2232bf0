"""Operators' accounts and sessions. Passwords as argon2id, sessions as digests: the file alone opens no door.

On a machine without accounts the first is made through a set-up link that is used once and lives no longer than the
program. It is printed where the program was started: who can read that may become the first operator. More are made
and taken away by `lamppost user` on the collector's machine.
"""

from __future__ import annotations

import hmac
import re
import secrets
import sqlite3
import threading
from typing import Final, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.web.desk.file import DeskFile, digest
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

PASSWORD_MIN: Final = 12
PASSWORD_MAX: Final = 200
IDLE_MS: Final = 12 * HOUR_MS
LIFE_MS: Final = 7 * DAY_MS
_TOUCH_MS: Final = MINUTE_MS
_NOBODY: Final = f"$argon2id$v=19$m=24576,t=3,p=1${secrets.token_hex(8)}${secrets.token_hex(16)}"
"""Verified against when a name is unknown, and of no password that anybody knows: it takes the same time."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


class NotAccepted(ValueError):
    """Name or password are not as they must be; the text is the key of the words that say so."""


class Account(NamedTuple):
    """Who may log in, since when with this password, and when they were last seen (None: not since they logged out)."""

    name: str
    since_ms: int
    seen_ms: int | None


class Session(NamedTuple):
    """Who is logged in, and the token that every form of theirs must carry."""

    name: str
    csrf: str


class Accounts:
    """Accounts and sessions. Methods may be called from any thread; those with a password take a tenth of a second."""

    def __init__(self, file: DeskFile) -> None:
        self._file = file
        self._hasher = PasswordHasher(time_cost=3, memory_cost=24 * 1024, parallelism=1)  # a guess costs 24 MiB, not 64
        self._setup_lock = threading.Lock()
        self.setup_token: str | None = None if self._any() else secrets.token_urlsafe(24)

    def may_set_up(self, token: str) -> bool:
        """Whether this is the one-time token, and nobody has an account yet: a command may have made one meanwhile."""
        if self.setup_token is None or not hmac.compare_digest(token.encode(), self.setup_token.encode()):
            return False
        return not self._any()

    def set_up(self, token: str, name: str, password: str, now_ms: int) -> bool:
        """Make the first account with the one-time token; False when the token is wrong or used. Raises NotAccepted."""
        with self._setup_lock:
            if not self.may_set_up(token):
                return False
            self.create(name, password, now_ms)
            self.setup_token = None
            return True

    def create(self, name: str, password: str, now_ms: int) -> None:
        """A new account, or a new password for an old one, whose sessions end. Raises NotAccepted."""
        if not _NAME.fullmatch(name):
            raise NotAccepted("bad_name")
        if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
            raise NotAccepted("bad_password")
        known = self._hasher.hash(password)
        with self._file.use() as db:
            db.execute("INSERT OR REPLACE INTO account VALUES (?, ?, ?)", (name, known, now_ms))
            db.execute("DELETE FROM session WHERE name = ?", (name,))

    def remove(self, name: str) -> bool:
        """Take an account away and end its sessions; False when there is none of that name."""
        with self._file.use() as db:
            db.execute("DELETE FROM session WHERE name = ?", (name,))
            return db.execute("DELETE FROM account WHERE name = ?", (name,)).rowcount > 0

    def all(self) -> list[Account]:
        """Every account, by name."""
        found = self._file.look(
            "SELECT name, at_ms, (SELECT max(seen_ms) FROM session WHERE session.name = account.name) AS seen_ms"
            " FROM account ORDER BY name"
        )
        return [Account(*row) for row in found]

    def log_in(self, name: str, password: str, now_ms: int) -> str | None:
        """The token of a new session, or None. Takes the same time whether the name is known or not."""
        found = self._file.look("SELECT hash FROM account WHERE name = ?", name)
        try:
            self._hasher.verify(found[0]["hash"] if found else _NOBODY, password[:PASSWORD_MAX])
        except (VerificationError, InvalidHashError):
            return None
        if not found:
            return None
        token = secrets.token_urlsafe(32)
        with self._file.use() as db:
            db.execute("DELETE FROM session WHERE at_ms < ? OR seen_ms < ?", (now_ms - LIFE_MS, now_ms - IDLE_MS))
            db.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?)",
                (digest(token), name, secrets.token_urlsafe(24), now_ms, now_ms),
            )
        return token

    def session(self, token: str, now_ms: int) -> Session | None:
        """The session of a token, or None when there is none or it has ended."""
        found = self._row(token, now_ms)
        if found is None:
            return None
        if now_ms - found["seen_ms"] > _TOUCH_MS:
            self._file.touch("UPDATE session SET seen_ms = ? WHERE digest = ?", now_ms, found["digest"])
        return Session(found["name"], found["csrf"])

    def lasts(self, token: str, now_ms: int) -> bool:
        """Whether the session of a token has not ended. An open page asks: it does not keep the session alive."""
        return self._row(token, now_ms) is not None

    def _row(self, token: str, now_ms: int) -> sqlite3.Row | None:
        found = self._file.look("SELECT * FROM session WHERE digest = ?", digest(token))
        if not found or now_ms - found[0]["seen_ms"] > IDLE_MS or now_ms - found[0]["at_ms"] > LIFE_MS:
            return None
        return found[0]

    def log_out(self, token: str) -> None:
        with self._file.use() as db:
            db.execute("DELETE FROM session WHERE digest = ?", (digest(token),))

    def _any(self) -> bool:
        return bool(self._file.look("SELECT 1 FROM account LIMIT 1"))
