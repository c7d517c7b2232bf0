"""A dataset: the readings of one kind over a span of time, as they may be published. Pure, given a store.

Rows come by station, then by time, sensor and lane, always in the same order and with the same texts: the same
question gives the same bytes. Columns are those that hold anything in the span.

Few vehicles are few people. An interval of traffic with fewer than five vehicles is masked, and so are its neighbours
within the same five minutes: the sum of five minutes is public, and one hidden interval could be had by subtraction.
So it is with heavy vehicles; where these alone are few, they alone are masked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

from collector.stores.store import Select, Series, Store
from collector.web.privacy import NOT_PUBLIC, mask, mask_lanes
from wire.quantities import KINDS, QUANTITIES
from wire.times import DAY_MS, MINUTE_MS

MERGED_MS: Final = 5 * MINUTE_MS
WHAT: Final = {"air": "air_quality", "weather": "weather", "traffic": "traffic_flow"}
TEXTS: Final = frozenset({"cal_id", "qc_code"})
WHOLE: Final = frozenset({"cq", "qc"}) | {quantity.name for quantity in QUANTITIES.values() if quantity.whole}
_COUNTS: Final = ("count", "heavy_count")
_BESIDE: Final = ("cal_id", "cq", "qc", "qc_code")
Few = Mapping[int, Set[str]]
"""By five minutes, the counts of a lane that are masked."""


@dataclass(frozen=True, slots=True)
class Row:
    """One reading: where and when, and a value (or None) for each of the dataset's fields."""

    time_ms: int
    tags: tuple[str, ...]
    values: tuple[Any, ...]
    masked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """What one file holds. `tags` and `fields` name the parts of its rows; `rows` is how many there will be.

    `days` are the stations with the UTC days of which they have any, in their order.
    """

    measurement: str
    since_ms: int
    until_ms: int
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    days: tuple[tuple[str, int], ...]
    rows: int

    @property
    def stations(self) -> int:
        """How many there are."""
        return len({node for node, _ in self.days})

    @property
    def masks(self) -> bool:
        """Whether rows may be masked."""
        return self.measurement == WHAT["traffic"]


def describe(store: Store, what: str, since_ms: int, until_ms: int, node: str | None = None) -> Dataset:
    """The dataset of a kind (`air`, `weather`, `traffic`) over [since, until). Raises StoreDown."""
    measurement = WHAT[what]
    if what == "traffic":  # whole fives of minutes: half of one could be subtracted from the whole
        since_ms, until_ms = (bound // MERGED_MS * MERGED_MS for bound in (since_ms, until_ms))
    own = (q.name for q in QUANTITIES.values() if q.kind == measurement and q.name not in NOT_PUBLIC)
    fields = (*own, *_BESIDE)
    where: dict[str, str | tuple[str, ...]] = {} if node is None else {"node": node}
    counts: dict[str, int] = dict.fromkeys(fields, 0)
    days = []
    question = Select(measurement, fields, since_ms, until_ms, where, ("node",), aggregate="count", every_ms=DAY_MS)
    for series in store.select(question):
        for day_ms, *cells in series.rows:
            days.append((series.tags["node"], day_ms))
            for name, count in zip(fields, cells, strict=True):
                counts[name] += count or 0
    tags = ("node", "site", "sensor", *KINDS[measurement].tags)
    present = tuple(name for name in fields if counts[name])
    return Dataset(measurement, since_ms, until_ms, tags, present, tuple(sorted(days)), counts["cq"])


def read(store: Store, dataset: Dataset) -> Iterator[list[Row]]:
    """The rows, a station and day at a time. Raises StoreDown."""
    for node, day_ms in dataset.days:
        span = max(day_ms, dataset.since_ms), min(day_ms + DAY_MS, dataset.until_ms)
        question = Select(dataset.measurement, dataset.fields, *span, {"node": node}, dataset.tags)
        lanes = store.select(question)
        few: list[Few] = _few(dataset, lanes) if dataset.masks else [{} for _ in lanes]
        rows = [row for one, hidden in zip(lanes, few, strict=True) for row in _of_series(dataset, one, hidden)]
        yield sorted(rows, key=lambda row: (row.time_ms, row.tags))


def _of_series(dataset: Dataset, series: Series, few: Few) -> Iterator[Row]:
    tags = tuple(series.tags.get(name, "") for name in dataset.tags)
    for time_ms, *cells in series.rows:
        values = tuple(map(_exact, dataset.fields, cells))
        yield _masked(dataset, Row(time_ms, tags, values), few.get(time_ms // MERGED_MS, frozenset()))


def _exact(name: str, value: Any) -> Any:
    """A field's one type: databases answer 12 for a stored 12.0."""
    if value is None or name in TEXTS:
        return value
    return int(value) if name in WHOLE else float(value)


def _few(dataset: Dataset, lanes: list[Series]) -> list[Few]:
    """Of each lane of a station the counts that are masked: for an interval of the five minutes, or as open data do."""
    found: list[dict[int, set[str]]] = [defaultdict(set) for _ in lanes]
    sums: dict[int, dict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for lane, series in enumerate(lanes):
        for time_ms, *cells in series.rows:
            row = dict(zip(dataset.fields, cells, strict=True))
            sums[time_ms // MERGED_MS][lane].update({name: row[name] for name in _COUNTS if row.get(name) is not None})
            found[lane][time_ms // MERGED_MS].update(mask(row).hidden)
    for window, counts in sums.items():
        for lane, shown in zip(counts, mask_lanes(list(counts.values())), strict=True):
            found[lane][window].update(shown.hidden)
    return list(found)


def _masked(dataset: Dataset, row: Row, few: Set[str]) -> Row:
    """Without the counts that are few; with the vehicles goes all that they made, but length and quality stay."""
    if not few:
        return row
    stay = {"duration_s", *_BESIDE}
    named = list(zip(dataset.fields, row.values, strict=True))
    hidden = tuple(name for name in dataset.fields if (name not in stay if "count" in few else name in few))
    values = tuple(None if name in hidden else value for name, value in named)
    return Row(row.time_ms, row.tags, values, hidden)
