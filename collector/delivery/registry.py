"""The registry: what each node last said of itself, kept over restarts."""

from __future__ import annotations

import sqlite3
import threading
from typing import NamedTuple

from wire import status

_SCHEMA = "CREATE TABLE IF NOT EXISTS node (node TEXT PRIMARY KEY, body BLOB, online INTEGER, since_ms INTEGER)"


class Node(NamedTuple):
    """A node: its last birth, whether its link is up, and since when."""

    birth: status.Birth
    online: bool
    since_ms: int


class Registry:
    """All nodes. Written by the ingest thread; `nodes` may be read from any."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._lock = threading.Lock()
        db.execute(_SCHEMA)
        self._nodes: dict[str, Node] = {}
        for node, body, online, since_ms in db.execute("SELECT node, body, online, since_ms FROM node"):
            birth = status.decode(node, body)
            assert isinstance(birth, status.Birth)
            self._nodes[node] = Node(birth, bool(online), since_ms)

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
        with self._lock:
            self._nodes[message.node] = new
        self._db.execute(
            "INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?)",
            (message.node, status.encode(new.birth), new.online, new.since_ms),
        )
        return known is None or known.online != new.online or known.birth.session != new.birth.session
