"""Windows of the past by the settings of today: after a station got another standard, or means its gases otherwise.

The hours that are stored are entered in the book of windows, and those that there are readings of alone, as where the
book itself was lost; the collector computes them anew from their readings, with their days and indices. An hour whose
readings the database has forgotten stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import Final

from collector.numbers.reporting import ReportingOf
from collector.numbers.window_book import WindowBook
from collector.numbers.windows import HOURS, ROLLED, hour_of
from collector.stores.store import Select, Store, Table, Tags
from wire.quantities import KINDS
from wire.times import HOUR_MS

AT_ONCE_MS: Final = 7 * 24 * HOUR_MS
_ENDS_MS: Final = (0, HOUR_MS - 1)
"""In a zone of half hours an hour of before lies in two, and so does one of UTC."""


def owe_anew(
    store: Store, book: WindowBook, reporting: ReportingOf, since_ms: int, until_ms: int, node: str | None = None
) -> Iterator[int]:
    """Enter every hour of [since, until), a week at a time: how many. Raises StoreDown; may be repeated."""
    where: dict[str, str | tuple[str, ...]] = {} if node is None else {"node": node}
    for first_ms in range(since_ms, until_ms, AT_ONCE_MS):
        end_ms = min(first_ms + AT_ONCE_MS, until_ms)
        for kind in ROLLED:
            groups = ("site", "node", "sensor", *KINDS[kind].tags)
            stored = Select(kind + HOURS, ("completeness",), first_ms, end_ms, where, groups)
            written = Select(kind, ("cq",), first_ms, end_ms, where, groups, "count", HOUR_MS)
            hours: dict[Tags, set[int]] = defaultdict(set)
            for series in chain.from_iterable(store.select_all([stored, written])):
                zone = reporting(series.tags["node"]).zone
                times = (row[0] + end for row in series.rows if row[1] is not None for end in _ENDS_MS)
                hours[series.identity] |= {hour_of(time_ms, zone) for time_ms in times}
            for identity, starts in hours.items():
                book.owe([Table(kind, identity, sorted(starts), {})], reporting(dict(identity)["node"]).zone)
                yield len(starts)
