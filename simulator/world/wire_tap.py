"""The hash of a run: every byte every sensor sent and every batch as it was sealed, in the order of simulated time.

Batches are hashed unpacked: another zlib packs the same batch into other bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter

from wire import batch


class WireTap:
    """Hears everything. The same scenario and seed give the same `digest`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._hash = hashlib.sha256()

    def bytes_of(self, line: str, time_ms: int, data: bytes) -> None:
        """A sensor has sent bytes."""
        self._hash.update(f"{line} {time_ms} {len(data)}\n".encode() + data)
        self.counts["sensor_bytes"] += len(data)

    def batch(self, node: str, data: bytes) -> None:
        """A batch was sealed."""
        opened = batch.unpack(data)
        self._hash.update(f"{node} {len(opened)}\n".encode() + opened)
        self.counts["batch_bytes"] += len(data)
        self.counts["batches"] += 1

    @property
    def digest(self) -> str:
        """16 bytes of SHA-256, in hex."""
        return self._hash.hexdigest()[:32]
