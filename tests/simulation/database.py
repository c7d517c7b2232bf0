"""A database that goes away, refuses rows without naming them, and takes rows without saying so."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from collector.stores.store import Answer, Held, Later, Refused, Row, Select, Series, Store, Stored, Table, Tags


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
                    self.rows[point[:4]] = point.values
        if chance < 2 * self.unknown:
            return Later("connection reset after the write")
        return Refused("field type conflict") if bad else Stored()

    def select(self, question: Select) -> list[Series]:  # noqa: ARG002
        return []

    def close(self) -> None:
        """Nothing to let go of."""

    def heal(self) -> None:
        """No more faults; what is refused stays refused."""
        self.up, self.portal, self.unknown = True, False, 0.0

    def _away(self) -> Answer | None:
        if self.portal:
            return Held("HTTP 200: not our database")
        return None if self.up else Later("does not answer")
