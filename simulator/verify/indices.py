"""Indices of hours and days against the hours that are stored: each is what HJ 633 makes of them, whenever they came.

That the standard is read rightly is for tests of its own. Here an index would show that late hours have left as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from collector.numbers import indices
from collector.numbers.reporting import NAMES, Standard, reports_as_china
from collector.numbers.windows import HOURS
from collector.stores.store import Select, Store, Tags
from measures.index import OF_QUANTITY
from simulator.notes import SeriesOf
from simulator.verify.verdict import Verdict
from wire.times import DAY_MS

FIELDS: Final = ("value", "category", "primary", *indices.FIELD_OF.values())
EDITIONS: Final[dict[str, Standard]] = {"2012": "china-2012", "2026": "china-2026"}
TAGS: Final = ("node", "sensor", "site")
REPORTS: Final = reports_as_china("")


def judge(series: Iterable[SeriesOf], store: Store, verdict: Verdict) -> None:
    """Judge the indices of the nodes of these series. Raises StoreDown."""
    nodes = tuple(sorted({one.node for one in series}))
    hours = _hours(nodes, store)
    where: dict[str, str | tuple[str, ...]] = {"node": nodes, "standard": NAMES["china"]}
    for found in store.select(Select("air_index", FIELDS, where=where, group_by=(*TAGS, "edition", "period"))):
        of = hours[tuple((tag, found.tags[tag]) for tag in TAGS)]
        edition, is_of_days = EDITIONS[found.tags["edition"]], found.tags["period"] == "1d"
        for time_ms, *values in found.rows:
            if is_of_days:  # wherever the collector has its midnight
                scored = indices.daily(edition, REPORTS, of, (time_ms, time_ms + DAY_MS))
            else:
                scored = indices.hourly(edition, REPORTS, of, time_ms)
            made = {} if scored is None else scored.fields()
            is_na = made.get("category") == indices.NA  # the number of before stays beside it
            wrong = [
                f"{name} is {value}, and its hours make {made.get(name)}"
                for name, value in zip(FIELDS, values, strict=True)
                if value != made.get(name) and not (is_na and name == "value")
            ]
            if wrong:
                verdict.wrong["index"] += 1
                verdict.note("index", "/".join(found.tags[tag] for tag in TAGS), time_ms, wrong[0])


def _hours(nodes: tuple[str, ...], store: Store) -> dict[Tags, dict[int, dict[str, Any]]]:
    names = tuple(f"{name}_{end}" for name in OF_QUANTITY for end in ("mean", "n"))
    found: dict[Tags, dict[int, dict[str, Any]]] = defaultdict(dict)
    for series in store.select(Select("air_quality" + HOURS, names, where={"node": nodes}, group_by=TAGS)):
        for time_ms, *values in series.rows:
            there = zip(names, values, strict=True)
            found[series.identity][time_ms] = {name: value for name, value in there if value is not None}
    return found
