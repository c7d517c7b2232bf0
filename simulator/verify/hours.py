"""Hours against the readings that are stored in them: each at its place, and no mean beyond what was measured.

What an hour is exactly is for tests of the collector's own. A mean lies between the least and the largest reading of
its hour, whatever failed a test or came late; directions, which go round, are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from collector.stores.store import Aggregate, Select, Store
from measures.averages import DIRECTIONS
from simulator.notes import SeriesOf
from simulator.verify.verdict import Verdict
from wire.quantities import DERIVED, QUANTITIES
from wire.times import HOUR_MS

KINDS: Final = ("air_quality", "weather")
TAGS: Final = ("site", "node", "sensor")
TOLERANCE: Final = 1e-6
HOURS_MIN: Final = 3
"""Of so many that hold something one is over, and made, before the run ends."""

Tags = tuple[str, ...]
Bounds = dict[tuple[Tags, int, str], float]
"""By tags, hour and quantity."""


def judge(series: Iterable[SeriesOf], measured: set[str], store: Store, verdict: Verdict) -> None:
    """Judge the hours of these series; `measured` are the quantities that they have said. Raises StoreDown."""
    told = measured | {DERIVED[name].name for name in measured & DERIVED.keys()}
    nodes = tuple(sorted({one.node for one in series}))
    for kind in KINDS:
        names = tuple(sorted(name for name in told - DIRECTIONS if QUANTITIES[name].kind == kind))
        if names:
            _judge(kind, names, nodes, store, verdict)


def _judge(kind: str, names: tuple[str, ...], nodes: tuple[str, ...], store: Store, verdict: Verdict) -> None:
    least, most = (_bounds(kind, names, nodes, store, extreme) for extreme in ("min", "max"))
    question = Select(kind + "_1h", tuple(f"{name}_mean" for name in names), where={"node": nodes}, group_by=TAGS)
    made = store.select(question)
    hold = Counter(tags for tags, _ in {(tags, hour_ms) for tags, hour_ms, _ in least})
    if not made and max(hold.values(), default=0) >= HOURS_MIN:
        _note(verdict, f"{kind}_1h", 0, "no hour was made of what is stored")
    for found in made:
        tags = tuple(found.tags.get(tag, "") for tag in TAGS)
        for time_ms, *means in found.rows:
            wrong = _wrong(tags, time_ms, dict(zip(names, means, strict=True)), least, most)
            if wrong is not None:
                _note(verdict, f"{kind}_1h {'/'.join(tags)}", time_ms, wrong)


def _wrong(tags: Tags, time_ms: int, means: dict[str, float | None], least: Bounds, most: Bounds) -> str | None:
    if time_ms % HOUR_MS:
        return f"it stands {time_ms % HOUR_MS} ms behind the full hour"
    for name, mean in means.items():
        if mean is None:
            continue
        low, high = least.get((tags, time_ms, name)), most.get((tags, time_ms, name))
        if low is None or high is None:
            return f"{name} is {mean}, and nothing of it is stored"
        if not low - TOLERANCE <= mean <= high + TOLERANCE:
            return f"{name} is {mean}, and what is stored {low} to {high}"
    return None


def _note(verdict: Verdict, where: str, time_ms: int, text: str) -> None:
    verdict.wrong["hour"] += 1
    verdict.note("hour", where, time_ms, text)


def _bounds(kind: str, names: tuple[str, ...], nodes: tuple[str, ...], store: Store, extreme: Aggregate) -> Bounds:
    """The least or the largest of each hour's readings, those of which only minutes are left included."""
    pick = min if extreme == "min" else max
    found: Bounds = {}
    for measurement, ending in ((kind, ""), (kind + "_1m", f"_{extreme}")):
        question = Select(
            measurement, tuple(name + ending for name in names), where={"node": nodes}, group_by=TAGS,
            aggregate=extreme, every_ms=HOUR_MS,
        )  # fmt: skip
        for series in store.select(question):
            tags = tuple(series.tags.get(tag, "") for tag in TAGS)
            for time_ms, *values in series.rows:
                for name, value in zip(names, values, strict=True):
                    if value is not None:
                        found[tags, time_ms, name] = pick(value, found.get((tags, time_ms, name), value))
    return found
