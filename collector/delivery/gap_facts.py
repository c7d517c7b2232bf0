"""What the collector's own file adds to the database's account of gaps: what nodes still hold, and what was refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import accumulate
from typing import Any

from collector.config import Config
from collector.delivery.ledger import READINGS
from collector.delivery.registry import kept
from collector.files.sqlite_file import connect
from wire import batch
from wire.times import HOUR_MS


def from_state(settings: Config) -> tuple[dict[str, int | None], Counter[tuple[str, str, int]]]:
    """Per node the oldest reading that it still holds, and refused readings by node, sensor and hour."""
    waiting: dict[str, int | None] = {}
    refused: Counter[tuple[str, str, int]] = Counter()
    if not settings.state_file.exists():
        return waiting, refused
    with closing(connect(settings.state_file, "ro")) as db:
        for known in kept(db):
            waiting[known.birth.node] = known.birth.oldest_ms if known.online else (known.birth.oldest_ms or 0)
        for node, content in db.execute("SELECT node, content FROM quarantine_part"):
            refused.update((node, *reading) for reading in _readings(_read(content)))
        for node, payload in db.execute("SELECT node, payload FROM quarantine_whole"):
            refused.update((node, *reading) for reading in _readings_of_batch(payload))
    return waiting, refused


def whole_batches(settings: Config) -> set[tuple[str, str, int]]:
    """Node, spool and sequence of each batch that is in the quarantine as a whole, and so in no ledger."""
    if not settings.state_file.exists():
        return set()
    with closing(connect(settings.state_file, "ro")) as db:
        return set(db.execute("SELECT node, spool, seq FROM quarantine_whole"))


def _readings_of_batch(payload: bytes) -> Iterator[tuple[str, int]]:
    """Whatever is wrong with the batch, its blocks may be readable."""
    with suppress(batch.Unaddressed, AttributeError, TypeError):
        for block in _read(batch.unpack(payload)).get("blocks"):
            yield from _readings(block)


def _readings(block: Any) -> Iterator[tuple[str, int]]:
    """Sensor and hour of each reading of a block, or of the one that is kept alone, as far as they can be read."""
    with suppress(TypeError, KeyError, AttributeError, ArithmeticError):
        if block["kind"] in READINGS and isinstance(block["sensor"], str):
            for step_ms in accumulate(block.get("dt", [0])):
                yield block["sensor"], (block["t0"] + step_ms) // HOUR_MS * HOUR_MS


def _read(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
