"""Verdicts that are not sent yet: what became of each batch, and what its agent must know to go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from collector.delivery.quarantine import Name, Part
from wire.ack import Ack, Code, Verdict
from wire.batch import WIRE_BYTES_MAX

AFTER_MS: Final = 5_000
LISTED_MAX: Final = 100


class Verdicts:
    """Those of one collector, in the order in which they were reached."""

    def __init__(self, collector: str) -> None:
        self._collector = collector
        self._waiting: defaultdict[tuple[str, str], list[Verdict]] = defaultdict(list)

    def stored(self, name: Name, refused: Sequence[Part] = ()) -> None:
        """It is in the database, but for parts that are in the quarantine."""
        if refused:
            listed = [[part.block, part.row, part.reason] for part in refused[:LISTED_MAX]]
            self._add(name, Code.STORED_IN_PART, {"refused": listed})
        else:
            self._add(name, Code.STORED)

    def already_stored(self, name: Name) -> None:
        """It was in the database, or in the quarantine, before it came."""
        self._add(name, Code.ALREADY_STORED)

    def quarantined(self, name: Name, reason: str) -> None:
        """It is kept whole."""
        self._add(name, Code.QUARANTINED, {"reason": reason})

    def later(self, name: Name, after_ms: int = AFTER_MS) -> None:
        """It must come again."""
        self._add(name, Code.LATER, {"after_ms": after_ms})

    def too_large(self, name: Name) -> None:
        """It must come in smaller ones."""
        self._add(name, Code.TOO_LARGE, {"max_bytes": WIRE_BYTES_MAX})

    def version_unknown(self, name: Name) -> None:
        """It must wait for a newer collector."""
        self._add(name, Code.VERSION_UNKNOWN)

    def acks(self, now_ms: int, window: int) -> Iterable[tuple[str, Ack]]:
        """All since the last call, one acknowledgement a node and spool."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        for (node, spool), verdicts in waiting.items():
            yield node, Ack(self._collector, now_ms, spool, tuple(verdicts), window)

    def _add(self, name: Name, code: Code, info: dict[str, Any] | None = None) -> None:
        self._waiting[name.node, name.spool].append(Verdict(name.seq, name.digest, code, info or {}))
