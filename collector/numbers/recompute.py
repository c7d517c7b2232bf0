"""Windows of the past by the settings of today: after a station got another standard, or means its gases otherwise.

The hours that are stored are entered in the book of windows, and those that there are readings of alone, as where the
book itself was lost; the collector computes them anew from their readings, with their days and indices. An hour whose
readings the database has forgotten stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import HOURS, ROLLED, hour_of
from collector.stores.store import Select, Series, Store, Table, Tags
from wire.quantities import KINDS
from wire.times import HOUR_MS

AT_ONCE_MS: Final = 7 * 24 * HOUR_MS
_ENDS_MS: Final = (0, HOUR_MS - 1)
"""In a zone of half hours an hour of before lies in two, and so does one of UTC."""
Hours = dict[Tags, set[int]]


def owe_anew(
    store: Store, book: WindowBook, reporting: ReportingOf, since_ms: int, until_ms: int, node: str | None
) -> Iterator[int]:
    """Enter every hour of [since, until), a week at a time: how many. Raises StoreDown; may be repeated."""
    where: dict[str, str | tuple[str, ...]] = {} if node is None else {"node": node}
    known: dict[str, set[Tags]] = defaultdict(set)
    for first_ms in range(since_ms, until_ms, AT_ONCE_MS):
        span = first_ms, min(first_ms + AT_ONCE_MS, until_ms)
        for kind in ROLLED:
            groups = ("site", "node", "sensor", *KINDS[kind].tags)
            hours: Hours = defaultdict(set)
            _take(hours, store.select(Select(kind + HOURS, ("completeness",), *span, where, groups)), reporting)
            known[kind] |= hours.keys()
            for (sensor, begin_ms, end_ms), nodes in _holes(known[kind], hours, span, reporting).items():
                at: dict[str, str | tuple[str, ...]] = {"node": tuple(nodes), "sensor": sensor}
                written = Select(kind, ("cq",), begin_ms, end_ms, at, groups, "count", HOUR_MS)
                _take(hours, store.select(written), reporting)
            for identity, starts in hours.items():
                book.owe([Table(kind, identity, sorted(starts), {})], reporting(dict(identity)["node"]).zone)
                yield len(starts)


def _take(hours: Hours, found: Iterable[Series], reporting: ReportingOf) -> None:
    """Add the hours of the local clock in which there are windows, or readings."""
    for series in found:
        zone = reporting(series.tags["node"]).zone
        times = (row[0] + end for row in series.rows if row[1] is not None for end in _ENDS_MS)
        hours[series.identity] |= {hour_of(time_ms, zone) for time_ms in times}


def _holes(
    known: Iterable[Tags], hours: Mapping[Tags, set[int]], span: tuple[int, int], reporting: ReportingOf
) -> dict[tuple[str, int, int], set[str]]:
    """Where no hours are, by sensor: the nodes. To count the readings of all hours takes a database too long."""
    holes: dict[tuple[str, int, int], set[str]] = defaultdict(set)
    for identity in known:
        tags, there = dict(identity), hours.get(identity, set())
        first_ms = hour_of(span[0] + HOUR_MS - 1, reporting(tags["node"]).zone)
        for is_there, run in groupby(range(first_ms, span[1], HOUR_MS), there.__contains__):
            if not is_there:
                starts = list(run)
                holes[tags["sensor"], starts[0], min(starts[-1] + HOUR_MS, span[1])].add(tags["node"])
    return holes
