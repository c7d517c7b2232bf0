"""The agent's spool on a disk that may be full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from edge_agent.reading import Reading
from edge_agent.spool.sealed import Origin
from edge_agent.spool.spool import Spool, SpoolError


class SpoolOnDisk(Spool):
    """Takes no readings while `is_full` says so; what it has goes out all the same."""

    def __init__(
        self, path: Path, node: str, site: str, new_id: Callable[[int], str], is_full: Callable[[], bool]
    ) -> None:
        super().__init__(path, node, site, new_id)
        self._is_full = is_full

    def accept(
        self, readings: Iterable[Reading], origin: Origin, state: Mapping[str, Any] | None = None
    ) -> list[Reading]:
        if self._is_full():
            raise SpoolError("the disk is full")
        return super().accept(readings, origin, state)
