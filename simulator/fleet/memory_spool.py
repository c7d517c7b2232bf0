"""A spool in memory, for virtual nodes: what edge_agent.delivery.delivery needs of one, and nothing of a disk."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.spool.spool import Sealed
from wire import batch
from wire.batch import Block


class MemorySpool:
    """One life of one spool. Batches wait in the order of sealing until they are released."""

    def __init__(self, spool_id: str, node: str, site: str, boot: str) -> None:
        self.spool_id = spool_id
        self.next_seq = 1
        self.waiting: dict[int, Sealed] = {}
        self._node, self._site, self._boot = node, site, boot

    def seal(self, blocks: list[Block], clock: str = "synced") -> Sealed:
        """Seal blocks into the next batch, with its final bytes."""
        seq = self.next_seq
        data = batch.encode(
            node=self._node, site=self._site, spool=self.spool_id, seq=seq, boot=self._boot, clock=clock, blocks=blocks
        )
        first = min(block.times_ms[0] for block in blocks)
        last = max(block.times_ms[-1] for block in blocks)
        rows = sum(len(block.times_ms) for block in blocks)
        sealed = Sealed(seq, self.spool_id, seq, batch.digest(data), rows, first, last, data)
        self.waiting[seq] = sealed
        self.next_seq += 1
        return sealed

    # -- what delivery asks (edge_agent.delivery.delivery.Waiting) ------------------------------------------------

    def spools(self) -> tuple[str, ...]:
        """The one life there is."""
        return (self.spool_id,)

    def oldest(self, count: int, skip: list[int]) -> list[Sealed]:
        """Up to `count` waiting batches, oldest first."""
        return self._some(self.waiting, count, skip)

    def newest(self, count: int, skip: list[int]) -> list[Sealed]:
        """Up to `count` waiting batches, newest first."""
        return self._some(reversed(self.waiting), count, skip)

    def find(self, spool: str, seq: int) -> tuple[int, str] | None:
        """The number and digest of a waiting batch."""
        held = self.waiting.get(seq) if spool == self.spool_id else None
        return None if held is None else (held.id, held.digest)

    def release(self, number: int, code: int, now_ms: int) -> None:  # noqa: ARG002
        """It is answered for: forget it."""
        self.waiting.pop(number, None)

    def _some(self, numbers: Iterable[int], count: int, skip: list[int]) -> list[Sealed]:
        found: list[Sealed] = []
        if count > 0:
            for number in numbers:
                if number not in skip:
                    found.append(self.waiting[number])
                    if len(found) == count:
                        break
        return found
