"""Requests to a node: what makes one of them count once, here and now.

    {"v":1,"tx":"<its own name>","session":"<of the node's birth>","at":1790000062000, ...arguments}

A signature proves who wrote a request, not when. A broker that kept one could send it again next year; so a request
names the session of the node's current birth, which ends with the agent's process, and the time it was written.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from wire import strictjson
from wire.times import is_time

VERSION = 1
SKEW_MS = 10 * 60 * 1000
"""A request of more than ten minutes ago, or to come, is not obeyed."""
REQUEST_BYTES_MAX = 256 * 1024
_TRANSACTION = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OWN = frozenset({"v", "tx", "session", "at"})


class BadRequest(ValueError):
    """Nothing may be done because of it. `transaction` is there when it can be answered with an error."""

    def __init__(self, text: str, transaction: str | None = None) -> None:
        super().__init__(text)
        self.transaction = transaction


class Request(NamedTuple):
    """One request; `arguments` are whatever its verb wants."""

    transaction: str
    session: str
    at_ms: int
    arguments: dict[str, Any]


def encode(request: Request) -> bytes:
    """The JSON line of a request."""
    head = {"v": VERSION, "tx": request.transaction, "session": request.session, "at": request.at_ms}
    return strictjson.dumps(head | request.arguments)


def decode(body: bytes) -> Request:
    """Read a request. Raises BadRequest."""
    if len(body) > REQUEST_BYTES_MAX:
        raise BadRequest(f"{len(body)} bytes, more than {REQUEST_BYTES_MAX}")
    try:
        raw = strictjson.loads(body)
    except strictjson.NotStrict as error:
        raise BadRequest(str(error)) from error
    transaction, session, at_ms = raw.get("tx"), raw.get("session"), raw.get("at")
    if not isinstance(transaction, str) or not _TRANSACTION.fullmatch(transaction):
        raise BadRequest("tx is not 1 to 64 letters, digits, dots and hyphens")
    if not strictjson.is_version(raw, VERSION) or not isinstance(session, str) or not is_time(at_ms):
        raise BadRequest("another version, or session and at are not a text and whole milliseconds", transaction)
    return Request(transaction, session, at_ms, {key: value for key, value in raw.items() if key not in _OWN})
