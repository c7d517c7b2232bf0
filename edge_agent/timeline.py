"""Time that can be trusted: from a clock that may wake in the past to stamps that never change. Pure.

Every reading is stamped by the time since boot, which no step of the wall clock moves. While the wall clock is not
trusted that stamp is all there is, and the reading waits unsealed; once the clock is set, the offset between the two
gives each waiting reading of this boot its true time. Afterwards time is boot time plus offset: small corrections are
followed, a step of more than a second is taken as a new offset and told. A time server may be wrong for a while: times
after a step are estimates until the clock has gone on without another.
"""

from __future__ import annotations

from dataclasses import dataclass

from wire.times import MINUTE_MS

STEP_MS = 1_000
PROBATION_MS = 10 * MINUTE_MS
FLOOR_MS = 1_767_225_600_000  # 2026-01-01: no reading of this program is older


@dataclass(slots=True)
class Timeline:
    """One boot's time. `offset_ms` is None until the wall clock was trusted for the first time."""

    floor_ms: int = FLOOR_MS
    offset_ms: int | None = None
    steps: int = 0
    doubted_until_ms: int = 0
    """Since boot; a clock is doubted after a step."""
    doubtful: tuple[int, int] = (0, 0)
    """From and to: times that were given from the step before the last one on, or that the last one leapt over."""

    def observe(self, boot_ms: int, wall_ms: int, synchronised: bool) -> int | None:
        """Look at both clocks; returns the size of a step in milliseconds when the wall clock jumped, else None.

        A wall clock before the floor is not believed, whatever NTP says.
        """
        if not self.believes(wall_ms, synchronised):
            return None
        given_ms = self.stamp(boot_ms)
        moved = wall_ms - given_ms
        if self.offset_ms is None or abs(moved) <= STEP_MS:
            self.offset_ms = wall_ms - boot_ms
            return None
        since_ms = self.stamp(self.doubted_until_ms - PROBATION_MS) if self.steps else given_ms
        self.doubtful = min(since_ms, wall_ms), max(given_ms, wall_ms)
        self.offset_ms = wall_ms - boot_ms
        self.steps += 1
        self.doubted_until_ms = boot_ms + PROBATION_MS
        return moved

    def believes(self, wall_ms: int, synchronised: bool) -> bool:
        """Whether the wall clock would be taken for the time now."""
        return synchronised and wall_ms >= self.floor_ms

    @property
    def trusted(self) -> bool:
        """True once the clock was set."""
        return self.offset_ms is not None

    @property
    def state(self) -> str:
        """The word for a birth: synced or unsynced."""
        return "synced" if self.trusted else "unsynced"

    def stamp(self, boot_ms: int) -> int:
        """A reading's time: UTC once the clock is trusted, milliseconds since boot before."""
        return boot_ms + self.offset_ms if self.offset_ms is not None else boot_ms
