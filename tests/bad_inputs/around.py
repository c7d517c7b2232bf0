"""A case in its surroundings: what was before, what is after, and which of the conditions did not hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from collector.clock import wall_ms
from tests.bad_inputs import watch
from tests.bad_inputs.system import System

NEXT_S = 1.0


@dataclass
class Around:
    """Begin before a case's input, `end` after it; both on the collector's side."""

    system: System
    faults: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    named: dict[str, int] = field(default_factory=dict)

    def begin(self) -> Around:
        self.counts, self.alarms = self.system.counters(wall_ms())
        self._log = watch.Log(self.system.collector.log)
        watch.reset_peak(self.system.pid())
        self._resident = watch.resident(self.system.pid())
        self._files = self.system.watched()
        return self

    def end(self, counted: bool) -> None:
        """Look at everything again; `counted` when a counter of faults must have gone up."""
        if not self.system.collector.running():
            self.faults.append("the collector has ended")
            self.system.collector.start()
            return
        self._next()
        after, self.standing = self.system.counters(wall_ms())
        self.named = watch.named(self.counts, after)
        grown = watch.peak(self.system.pid()) - self._resident
        if grown >= watch.RSS_MAX:
            self.faults.append(f"memory grew by {grown / 2**20:.0f} MiB")
        self.faults += watch.faults_of(self._log.fresh())
        new = self.system.watched() - self._files
        if new:
            self.faults.append(f"new files: {sorted(new)[:3]}")
        if counted and not self.named:
            self.faults.append("no counter names it")

    def _next(self) -> None:
        """The next valid input on the same path is handled within a second; a busy machine gets three tries."""
        took: list[float | None] = []
        for number in range(3):
            took.append(self.system.voice.good(len(took) + 10 * number)[1])
            if took[-1] is not None and took[-1] < NEXT_S:
                return
        self.faults.append(f"the next valid batches took {took} s")


Case = dict[str, Any]
