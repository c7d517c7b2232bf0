"""Tokens for programs: each has a name, an end and scopes; the file holds digests only.

The open API needs none of them. A token opens what its scopes name and nothing else; one that is presented and not good
is refused, never passed over: a program that thinks it is somebody must learn that it is not.
"""

from __future__ import annotations

import re
import secrets
from typing import Final, NamedTuple

from collector.files import trail
from collector.web.desk.file import DeskFile, digest
from wire.times import DAY_MS, MINUTE_MS

SCOPES: Final = ("read", "handle")
"""read: the open API. handle: acknowledge, note and silence alerts."""
LIFE_DAYS: Final = 365
_PREFIX: Final = "lpt_"
_TOKEN = re.compile(r"lpt_[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS api_token (digest BLOB PRIMARY KEY, name TEXT UNIQUE, scopes TEXT, made_ms INTEGER,"
    " expires_ms INTEGER, used_ms INTEGER)"
)
_TOUCH_MS: Final = MINUTE_MS


class Grant(NamedTuple):
    """What a good token says of its bearer."""

    name: str
    scopes: frozenset[str]


class Listed(NamedTuple):
    """A token as the list shows it."""

    name: str
    scopes: str
    expires_ms: int
    used_ms: int | None


class ApiTokens:
    """All tokens of programs. Methods may be called from any thread and process."""

    def __init__(self, file: DeskFile) -> None:
        self._file = file
        with file.use() as db:
            db.execute(_SCHEMA)

    def create(self, name: str, scopes: list[str], who: str, now_ms: int, days: int = LIFE_DAYS) -> str:
        """A new token, which cannot be seen again. Raises ValueError for a bad name or scope, or a name in use."""
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if not _NAME.fullmatch(name) or unknown or not scopes:
            raise ValueError(f"a token has a small name and scopes out of {', '.join(SCOPES)}")
        token = _PREFIX + secrets.token_urlsafe(32)
        with self._file.use() as db:
            if db.execute("SELECT 1 FROM api_token WHERE name = ?", (name,)).fetchone():
                raise ValueError(f"there is a token {name} already; revoke it first")
            row = (digest(token), name, ",".join(sorted(set(scopes))), now_ms, now_ms + days * DAY_MS)
            db.execute("INSERT INTO api_token VALUES (?, ?, ?, ?, ?, NULL)", row)
            trail.append(db, trail.Line(now_ms, who, "api-token", f"{name} {row[2]}"))
        return token

    def check(self, token: str, now_ms: int) -> Grant | None:
        """Who bears it, or None when it is not good."""
        if not _TOKEN.fullmatch(token):
            return None
        found = self._file.look("SELECT * FROM api_token WHERE digest = ?", digest(token))
        if not found or found[0]["expires_ms"] <= now_ms:
            return None
        if now_ms - (found[0]["used_ms"] or 0) > _TOUCH_MS:
            self._file.touch("UPDATE api_token SET used_ms = ? WHERE digest = ?", now_ms, found[0]["digest"])
        return Grant(found[0]["name"], frozenset(found[0]["scopes"].split(",")))

    def listed(self) -> list[Listed]:
        rows = self._file.look("SELECT name, scopes, expires_ms, used_ms FROM api_token ORDER BY name")
        return [Listed(*row) for row in rows]

    def revoke(self, name: str, who: str, now_ms: int) -> bool:
        with self._file.use() as db:
            gone = db.execute("DELETE FROM api_token WHERE name = ?", (name,)).rowcount
            if gone:
                trail.append(db, trail.Line(now_ms, who, "api-token-revoked", name))
        return bool(gone)
