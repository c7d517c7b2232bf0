"""A checked batch on its way to the store, and the batches that the store is at."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from collector.delivery.quarantine import Name, Part
from collector.stores.store import Answer, Row, Table
from wire import batch, check


@dataclass(slots=True)
class Work:
    """A checked batch on its way to the store."""

    name: Name
    payload: bytes
    envelope: batch.Envelope
    tables: list[Table]
    origins: list[tuple[int, list[int] | None]]
    rows: list[Row]
    row_count: int
    """With those that were refused."""
    time_ms: int
    parts: list[Part] = field(default_factory=list)
    live: bool = False
    replay: bool = False

    @property
    def node(self) -> str:
        return self.name.node

    @property
    def site(self) -> str:
        return self.envelope.site


@dataclass(slots=True, eq=False)
class Group:
    """Batches that the store is at: first their rows, then, once `kept` says what came of each, their ledger rows.

    `kept` has what was refused of each batch; one that is not in it could not be kept, and must come again.
    """

    works: list[Work]
    answer: Future[Answer]
    asked_ms: int
    kept: dict[Name, list[Part]] | None = None

    @property
    def live(self) -> bool:
        """Its lane."""
        return self.works[0].live

    def is_over(self) -> bool:
        """Whether its ledger has an answer."""
        return self.kept is not None and self.answer.done()


def content(raw_blocks: list[Any], refusal: check.Refusal) -> str:
    """What was refused, all of it as JSON: the rest of its batch is stored, and the sender lets go of both."""
    block = raw_blocks[refusal.block]
    if refusal.row is None or not isinstance(block, dict):
        return json.dumps(block, ensure_ascii=False, default=repr)
    row = refusal.row
    kept = {key: block[key] for key in ("sensor", "kind", "profile", "tags") if key in block}
    kept["t0"] = block["t0"] + sum(block["dt"][: row + 1])
    kept["fields"] = {name: column[row] for name, column in block["fields"].items()}
    return json.dumps(kept, ensure_ascii=False, default=repr)


def part_of_row(work: Work, position: int, reason: str) -> Part:
    """A row the database refused, by its place among the tables; named as in `content`, with what was written."""
    row = work.rows[position]
    line = row.decode(errors="replace") if isinstance(row, bytes) else repr(row)
    for (block, rows), table in zip(work.origins, work.tables, strict=True):
        if position < len(table.times_ms):
            kept: dict[str, Any] = {"sensor": dict(table.tags).get("sensor", "node"), "kind": table.measurement}
            kept |= {"t0": table.times_ms[position], "line": line}
            what = json.dumps(kept, ensure_ascii=False)
            return Part(block, position if rows is None else rows[position], reason, what)
        position -= len(table.times_ms)
    raise IndexError("a position beyond the batch")
