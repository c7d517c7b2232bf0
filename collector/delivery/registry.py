"""The registry: what each node last said of itself, kept over restarts."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from collector.files.statedb import transaction
from wire import status

_SCHEMA = "CREATE TABLE IF NOT EXISTS node (node TEXT PRIMARY KEY, body BLOB, online INTEGER, since_ms INTEGER)"


class Node(NamedTuple):
    """A node: its last birth, whether its link is up, and since when."""

    birth: status.Birth
    online: bool
    since_ms: int


def kept(db: sqlite3.Connection) -> Iterator[Node]:
    """The nodes of a state file; one whose birth another version of ours took says it again: the broker retains it."""
    for name, body, online, since_ms in db.execute("SELECT node, body, online, since_ms FROM node"):
        with suppress(status.BadStatus):
            birth = status.decode(name, body)
            assert isinstance(birth, status.Birth)
            yield Node(birth, bool(online), since_ms)


class Registry:
    """All nodes. Written by the ingest thread; `nodes` may be read from any.

    A city whose broker comes back announces itself within seconds, so what is new is kept on the disk all at once, by
    `save`. A birth that is lost before comes again: the broker retains it.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._lock = threading.Lock()
        db.execute(_SCHEMA)
        self._unsaved: dict[str, bytes] = {}
        self._nodes = {node.birth.node: node for node in kept(db)}

    def get(self, node: str) -> Node | None:
        """A node, or None when it was never heard of."""
        return self._nodes.get(node)

    def nodes(self) -> list[Node]:
        """All nodes, by name."""
        with self._lock:
            return [self._nodes[name] for name in sorted(self._nodes)]

    def update(self, message: status.Birth | status.Death, now_ms: int) -> bool:
        """Take a birth or death; True when the node's link changed. A death of an older session changes nothing."""
        known = self._nodes.get(message.node)
        if isinstance(message, status.Death):
            if known is None or known.birth.session != message.session or not known.online:
                return False
            new = Node(known.birth, False, now_ms)
        else:
            same = known is not None and known.online and known.birth.session == message.session
            new = Node(message, True, known.since_ms if known is not None and same else now_ms)
        self._unsaved[message.node] = status.encode(new.birth)
        with self._lock:
            self._nodes[message.node] = new
        return known is None or known.online != new.online or known.birth.session != new.birth.session

    def save(self) -> None:
        """Keep what was said since the last call, in one transaction. Raises sqlite3.Error, and forgets nothing."""
        if not self._unsaved:
            return
        new = ((self._nodes[name], body) for name, body in self._unsaved.items())
        rows = [(node.birth.node, body, node.online, node.since_ms) for node, body in new]
        with transaction(self._db):
            self._db.executemany("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?)", rows)
        self._unsaved.clear()
