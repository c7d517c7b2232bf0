"""The agent's recorder, watched: which readings were promised by a commit, and which were lost with the power."""

from __future__ import annotations

from edge_agent.reading import Reading
from edge_agent.recorder import Now, Recorder, Sealing
from edge_agent.spool.sealed import Sealed
from simulator.notes import Key, Notes, SeriesOf

SENT_BY_THE_AGENT = frozenset({"traffic_flow"})
"""Kinds that no sensor says as they are stored: the agent counts. What it counted is what it meant."""


class NotedRecorder(Recorder):
    """Tells the notes what the product's recorder has taken and committed."""

    notes: Notes

    def watch(self, site: str, notes: Notes, booted_ms: int) -> None:
        """Begin to tell."""
        self.notes, self._told_site, self._booted_ms = notes, site, booted_ms
        self.open_keys: list[Key] = []
        self.unsynced_keys: list[Key] = []

    def keep(self, readings: list[Reading]) -> None:
        for reading in readings:
            if reading.series.kind in SENT_BY_THE_AGENT:
                true_ms = reading.time_ms + (0 if self.timeline.trusted else self._booted_ms)
                self.open_keys.append(self.notes.sent(self._who(reading), true_ms, dict(reading.values)))
        super().keep(readings)

    def keep_of(self, boot: str, readings: list[Reading]) -> None:
        for reading in readings:
            self.notes.sent(self._who(reading), self._booted_ms - 1, dict(reading.values), cq=2)  # a guess
        super().keep_of(boot, readings)

    def _who(self, reading: Reading) -> SeriesOf:
        series = reading.series
        return SeriesOf(self._node, self._told_site, series.sensor, series.kind, tuple(sorted(series.tags)))

    def lose(self, cause: str) -> None:
        """The process ends: what no commit has promised is gone, or not; what waited for the time stays a guess."""
        self.notes.excuse(self.open_keys, cause)
        self.open_keys = []

    def commit(self, now: Now, closing: bool = False, seal: Sealing = "no") -> list[Sealed]:
        trusted = self.timeline.trusted
        sealed = super().commit(now, closing, seal)
        if not self.unwritten.readings:  # the disk has taken everything: promised
            if not trusted:
                self.notes.clock(self.open_keys, 1)
                self.unsynced_keys += self.open_keys
            self.open_keys = []
        if self.timeline.trusted:
            self.unsynced_keys = []
        return sealed
