"""How much one node may send: a bucket each, so that one that floods holds up itself and nobody else.

    a message costs 1, and 1 more for each KiB of it; a batch nobody can read or store 50, for the disk it is kept on;
    a birth or a question 200, since the database is asked

A bucket fills by `units_per_s` and holds ten seconds of that. What is beyond is not looked at: its sender is told to
come again later, and an honest one does. The default is several times what the fastest drain of a backlog needs.
"""

from __future__ import annotations

from typing import Final

UNITS_PER_S: Final = 2_000
BURST_S: Final = 10
KEPT_UNITS: Final = 50
QUESTION_UNITS: Final = 200
_KIB: Final = 1024


class Pace:
    """The buckets of all nodes. Holds no clock: time is handed in, and may be simulated."""

    def __init__(self, units_per_s: float = UNITS_PER_S) -> None:
        self.units_per_s = units_per_s
        self._most = units_per_s * BURST_S
        self._buckets: dict[str, tuple[float, int]] = {}  # what is left, and when that was so

    def admits(self, node: str, size: int, now_ms: int, more: int = 0) -> bool:
        """Whether the node may have this message of so many bytes looked at; if so, it has paid for it."""
        left, then_ms = self._buckets.get(node, (self._most, now_ms))
        if now_ms > then_ms:
            left = min(self._most, left + (now_ms - then_ms) * self.units_per_s / 1000)
        is_in = left > 0
        self._buckets[node] = (left - 1 - size / _KIB - more if is_in else left, now_ms)
        return is_in

    def says(self, node: str) -> tuple[str, str]:
        """The alarm of a node that wants more than it may: its name and its words."""
        text = f"{node} floods: more than {self.units_per_s:g} messages or KiB a second; the rest is put off"
        return f"flood:{node}", f"{text}. Cure: look at the device; if it is honest, raise rate_per_node"

    def charge(self, node: str, units: int) -> None:
        """What a message turned out to cost beyond its size; a bucket may be in debt."""
        found = self._buckets.get(node)
        if found is not None:
            self._buckets[node] = (max(found[0] - units, -self._most), found[1])
