"""The interface every database is used through.

A `Table` is the rows of one series. `render` turns it into rows in the database's own form, one a reading, so that the
ingest can write many tables at once and, when the database refuses, look for the row at fault by halving.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeVar

from wire.batch import Span

Tags = tuple[tuple[str, str], ...]
"""Tag keys and values in the order of their keys: the identity of a series within its measurement."""

T = TypeVar("T")
Aggregate = Literal["mean", "min", "max", "sum", "count", "first", "last"]
ANSWER_S: Final = 30.0
SOON_S: Final = 3.0
"""For questions that are answered in milliseconds, and whose asker holds up everybody meanwhile."""


class Table(NamedTuple):
    """Rows of one series: times in UTC milliseconds, columns as long as times, None where a value is absent.

    A column holds floats, whole numbers (named in `whole`) or texts. `sub_ns` (0 to 999999) is added to every time,
    for rows that need a place of their own within a millisecond. `spans` may say what is known already of some columns.
    """

    measurement: str
    tags: Tags
    times_ms: list[int]
    columns: dict[str, list[Any]]
    whole: frozenset[str] = frozenset()
    sub_ns: int = 0
    spans: Mapping[str, Span] = {}


@dataclass(frozen=True, slots=True)
class Stored:
    """The database said it committed every row; but for those `refused`, by position, when they were looked for.

    `made`: it was not there, and is now, with nothing in it.
    """

    refused: Mapping[int, str] = field(default_factory=dict)
    made: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The database will not have at least one of these rows; others may or may not be stored.

    `dropped` is how many it claims, which may be too few.
    """

    reason: str
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """Our fault or not our database: wrong token, missing database, redirect, captive portal. Hold and alarm."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """Busy, down, or an answer that never came: the outcome is unknown, the same write follows."""

    reason: str
    after_s: float | None = None


Answer = Stored | Refused | Held | Later
Row = Any


class StoreDown(Exception):
    """A question could not be answered now; the text says by whom and why."""


@dataclass(frozen=True, slots=True)
class Select:
    """A question: columns of one measurement, over [since, until) in UTC milliseconds.

    With `every_ms` each column is aggregated over windows aligned to the epoch and `aggregate` must be given; without,
    rows come as stored. `where` compares tags for equality, or with any of several values; `equals`
    compares whole-number fields; `unless` leaves out rows whose field holds this text, or none. Series come apart by
    `group_by` (tag keys); `latest` keeps each group's newest row only. `within_s`: how long its asker can wait for a
    database that hangs.
    """

    measurement: str
    columns: tuple[str, ...]
    since_ms: int | None = None
    until_ms: int | None = None
    where: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    group_by: tuple[str, ...] = ()
    aggregate: Aggregate | None = None
    every_ms: int | None = None
    latest: bool = False
    descending: bool = False
    limit: int | None = None
    equals: dict[str, int] = field(default_factory=dict)
    unless: dict[str, str] = field(default_factory=dict)
    within_s: float = ANSWER_S


class Series(NamedTuple):
    """An answer: the tags of one group and its rows, each [time_ms, *columns]."""

    tags: dict[str, str]
    rows: list[list[Any]]

    @property
    def identity(self) -> Tags:
        """The tags that it has: those of a group that a series lacks are empty."""
        return tuple(sorted((key, value) for key, value in self.tags.items() if value))


class Aside(Protocol):
    """How work that waits for the database is run: here and now, or in another thread."""

    def __call__(self, work: Callable[[], T], /) -> Future[T]: ...


def at_once(work: Callable[[], T]) -> Future[T]:
    """Here and now."""
    done: Future[T] = Future()
    try:
        done.set_result(work())
    except Exception as error:  # noqa: BLE001 - whoever takes the answer hears of it, as from another thread
        done.set_exception(error)
    return done


class Store(Protocol):
    """A database. Writes may be under way in several threads; reads come from any."""

    name: str

    def prepare(self) -> Answer:
        """Create what is missing; a `Stored` means writes may begin. Safe to call again."""

    def render(self, table: Table) -> list[Row]:
        """Rows in the database's own form, one a reading, in the order of the table."""

    def write(self, rows: Sequence[Row]) -> Answer:
        """Commit rows. Writing the same rows again changes nothing."""

    def select(self, question: Select) -> list[Series]:
        """Answer a question. Raises StoreDown."""

    def select_all(self, questions: Sequence[Select]) -> list[list[Series]]:
        """Answer several questions, in their order; a database that can is asked once. Raises StoreDown."""
        return [self.select(question) for question in questions]

    def remove(self, measurement: str) -> None:
        """Forget a whole measurement. Raises StoreDown. For the canary: nothing of ours ever removes a reading."""

    def keep_for(self, days: int | None) -> None:
        """Let the database forget what is older; None: nothing. Raises StoreDown when it cannot or may not."""

    def close(self) -> None:
        """Let go of files and connections."""
