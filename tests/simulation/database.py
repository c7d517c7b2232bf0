"""A database that goes away, refuses rows without naming them, and takes rows without saying so."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from collector.numbers.derive import LEDGER
from collector.stores import care
from collector.stores.store import (
    Answer,
    Held,
    Later,
    Refused,
    Row,
    Select,
    Series,
    Store,
    Stored,
    StoreDown,
    Table,
    Tags,
)


class Point(NamedTuple):
    """One row as this database keeps it."""

    measurement: str
    tags: Tags
    time_ms: int
    sub_ns: int
    values: dict[str, Any]


@dataclass(slots=True)
class Database(Store):
    """The server: rows by identity, shared by every collector. `refuses` says which rows it will not have."""

    rng: random.Random
    refuses: Callable[[Point], bool]
    unknown: float = 0.0
    up: bool = True
    portal: bool = False
    whole_or_nothing: bool = False
    rows: dict[tuple[str, Tags, int, int], dict[str, Any]] = field(default_factory=dict)
    name: str = "simulated"
    _ledger: dict[Tags, list[tuple[int, str]]] = field(default_factory=dict)

    def prepare(self) -> Answer:
        return self._away() or Stored()

    def render(self, table: Table) -> list[Row]:
        return [
            Point(
                table.measurement,
                table.tags,
                time_ms,
                table.sub_ns,
                {name: column[row] for name, column in table.columns.items() if column[row] is not None},
            )
            for row, time_ms in enumerate(table.times_ms)
        ]

    def write(self, rows: Sequence[Row]) -> Answer:
        away = self._away()
        chance = self.rng.random()
        if away is not None or chance < self.unknown:
            return away or Later("connection reset before the write")
        bad = [point for point in rows if self.refuses(point)]
        if not (bad and self.whole_or_nothing):
            for point in rows:
                if not self.refuses(point):
                    self._keep(point)
        if chance < 2 * self.unknown:
            return Later("connection reset after the write")
        return Refused("field type conflict") if bad else Stored()

    def remove(self, measurement: str) -> None:
        raise AssertionError(f"delivery removes nothing: {measurement}")

    def keep_for(self, days: int | None) -> None:
        raise AssertionError(f"delivery keeps for good: {days}")

    def select(self, question: Select) -> list[Series]:
        """The two questions that an ingest asks of the batch ledger, and whether anybody answers at all."""
        if self._away() is not None:
            raise StoreDown("does not answer")
        if question.measurement == care.MEASUREMENT:
            return []
        assert question.measurement == LEDGER, "the simulation answers for the batch ledger alone"
        tags: Any = tuple(sorted(question.where.items()))
        rows: list[Any] = [[0, seq, digest] for seq, digest in self._ledger.get(tags, ())]
        if question.aggregate == "max":
            rows = [max(rows, key=lambda row: row[1])[:2]] if rows else []
        else:
            rows = [row for row in rows if row[1] == question.equals["seq"]][:1]
        return [Series({}, rows)] if rows else []

    def close(self) -> None:
        """Nothing to let go of."""

    def heal(self) -> None:
        """No more faults; what is refused stays refused."""
        self.up, self.portal, self.unknown = True, False, 0.0

    def _keep(self, point: Point) -> None:
        self.rows[point[:4]] = point.values
        if point.measurement == LEDGER:
            self._ledger.setdefault(point.tags, []).append((point.values["seq"], point.values["digest"]))

    def _away(self) -> Answer | None:
        if self.portal:
            return Held("HTTP 200: not our database")
        return None if self.up else Later("does not answer")
