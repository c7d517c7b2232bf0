"""What the spool hands out: batches as they travel, how much waits, and what a batch is of."""

from __future__ import annotations

from typing import NamedTuple

from wire import batch as wire_batch


class Sealed(NamedTuple):
    """A batch as it travels: the spool and sequence that name it, digest, rows, time span and bytes.

    `id` is this file's own number for it, in the order of sealing. `replay`: it was answered before and is sent again
    for a database that has lost it.
    """

    id: int
    spool: str
    seq: int
    digest: str
    rows: int
    from_ms: int
    to_ms: int
    data: bytes
    replay: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its bytes are those that were sealed: a disk may have changed them."""
        return isinstance(self.data, bytes) and wire_batch.digest(self.data) == self.digest


class Depth(NamedTuple):
    """How much waits: rows accepted and not acknowledged, batches sealed, the oldest time, bytes of the file."""

    rows: int
    batches: int
    oldest_ms: int | None
    file_bytes: int


class Origin(NamedTuple):
    """What a batch is of, beside its rows. `clock` is unsynced for rows whose times are since boot."""

    node: str
    site: str
    boot: str
    clock: str
