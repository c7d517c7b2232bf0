"""Whether systemd's watchdog is to be fed: a restart helps an agent that is stuck, not silent sensors."""

from __future__ import annotations


class Progress:
    """Compares what sensors have given with what the agent has taken of it."""

    def __init__(self) -> None:
        self._before: tuple[int, int] | None = None

    def advances(self, given: int, taken: int) -> bool:
        """Readings that sensors have given, and those that were taken from them, also into memory: since last time.

        Readings that nobody takes mean that this program is stuck, and a restart helps. None at all mean that sensors
        are silent or have nothing to say, and what waits in memory waits for a disk: that no restart cures.
        """
        before, self._before = self._before, (given, taken)
        return before is None or given == before[0] or taken != before[1]
