"""What was promised, and what became of it. Every reading carries a number of its own as its value."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import ESTIMATED
from tests.simulation.database import Database, Point

KIND, FIELD = "air_quality", "pm25_raw_ugm3"
TIME_TOLERANCE_MS = 50
_NUMBER = re.compile(FIELD + r"['\"]: ?(\d+)")


class Outcome(NamedTuple):
    """The end of one world. All but `accepted` and `stored` ought to be 0, `quarantined` and `gaps` aside."""

    accepted: int
    stored: int
    quarantined: int
    gaps: int
    lost: int
    doubled: int
    stuck: int
    mistimed: int

    @property
    def sound(self) -> bool:
        """The promise was kept."""
        return not (self.lost or self.doubled or self.stuck or self.mistimed)


@dataclass(slots=True)
class Truth:
    """The record of one world, which no fault can touch."""

    accepted: dict[int, str] = field(default_factory=dict)
    excused: set[int] = field(default_factory=set)
    taken_ms: dict[int, int] = field(default_factory=dict)
    sealed: dict[tuple[str, int], list[bytes]] = field(default_factory=dict)

    def reading(self, now_ms: int) -> int:
        """The number of a new reading, taken now."""
        number = len(self.taken_ms) + 1
        self.taken_ms[number] = now_ms
        return number

    def accept(self, node: str, numbers: list[int], safe: bool) -> None:
        """A commit returned; when the disk lied about it the promise is the disk's to keep."""
        for number in numbers:
            self.accepted[number] = node
        if not safe:
            self.excused.update(numbers)

    def card_gone(self, node: str, database: Database, states: list[sqlite3.Connection]) -> None:
        """A card was taken away: what is nowhere else went with it."""
        kept = self.stored(database).keys() | self.quarantined(states)
        self.excused |= {number for number, owner in self.accepted.items() if owner == node} - kept

    def outcome(self, database: Database, states: list[sqlite3.Connection], stuck: int, waiting: set[int]) -> Outcome:
        """Compare the promise with the database, the quarantine and the gap records."""
        stored, quarantined, gaps = self.stored(database), self.quarantined(states), self.gaps(database)
        missing = self.accepted.keys() - stored.keys() - quarantined - gaps - self.excused - waiting
        doubled = sum(len(times) - 1 for times in stored.values())
        moved = {n for n, times in stored.items() if abs(times[0] - self.taken_ms[n]) > TIME_TOLERANCE_MS}
        mistimed = moved - self._estimated() if moved else moved
        return Outcome(
            len(self.accepted), len(stored), len(quarantined), len(gaps), len(missing), doubled, stuck, len(mistimed)
        )

    def _estimated(self) -> set[int]:
        """Numbers of boots that never knew the time: what their rows carry is a flagged guess."""
        found: set[int] = set()
        for batches in self.sealed.values():
            for data in batches:
                rows, envelope = readings_of(data)
                if envelope.clock == ESTIMATED:
                    found.update(int(row.values[FIELD]) for row in rows if row.series.kind == KIND)
        return found

    def stored(self, database: Database) -> dict[int, list[int]]:
        """The times under which each number stands in the database."""
        found: dict[int, list[int]] = {}
        for (measurement, _, time_ms, _), values in database.rows.items():
            if measurement == KIND:
                found.setdefault(values[FIELD], []).append(time_ms)
        return found

    def quarantined(self, states: list[sqlite3.Connection]) -> set[int]:
        """Numbers in the durable quarantine."""
        found: set[int] = set()
        for state in states:
            for (content,) in state.execute("SELECT content FROM quarantine_part"):
                found.update(map(int, _NUMBER.findall(content)))
            for (data,) in state.execute("SELECT payload FROM quarantine_whole"):
                found.update(numbers_of(data))
        return found

    def gaps(self, database: Database) -> set[int]:
        """Numbers that a gap record in the database accounts for: it names the spool and sequences that went."""
        found: set[int] = set()
        for (measurement, tags, _, _), values in database.rows.items():
            if measurement == "gap" and dict(tags)["reason"] in ("thinned", "dropped"):
                spool = dict(tags)["spool"]
                for seq in range(values["from_seq"], values["to_seq"] + 1):
                    for data in self.sealed.get((spool, seq), ()):
                        found.update(numbers_of(data))
        return found


def numbers_of(data: bytes) -> list[int]:
    """The numbers in the bytes of a batch."""
    return [int(row.values[FIELD]) for row in readings_of(data)[0] if row.series.kind == KIND]


def is_bad(point: Point, every: int) -> bool:
    """One number in so many is refused by the database, always the same ones."""
    number: Any = point.values.get(FIELD)
    return bool(every) and type(number) is int and (number * 2654435761 >> 7) % every == 0


def total(outcomes: list[Outcome]) -> Counter[str]:
    """The sums over many worlds."""
    sums: Counter[str] = Counter()
    for outcome in outcomes:
        sums.update(outcome._asdict())
    return sums
