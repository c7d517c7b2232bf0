"""Gaps: for each sensor and hour what was produced, stored, refused, thinned or is still on the agent, and why.

The causes, in the order in which they are looked for:

    agent-off          no word of the sensor in that hour, though there was before
    sensor-silent      the sensor said nothing for a minute or more beyond what its profile allows
    bad-frames         frames came damaged
    refused            rows are in the quarantine
    thinned, dropped, purged, disk-full, damaged   the node's own gap records
    clock-set          the node's clock jumped: times of that hour may be wrong, or were leapt over
    still-on-agent     accepted there, not stored yet
    unexplained        accepted, and nowhere: an alarm

Agents tell what they accepted every five minutes: in an hour that goes on, more may be stored than is accounted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from collector.delivery import ledger
from collector.delivery.ledger import READINGS
from collector.numbers.windows import HOURS, ROLLED
from collector.stores.store import Select, Store
from wire.times import HOUR_MS, MINUTE_MS

SILENT_S: Final = 60.0
"""A hole: a sensor that starts is silent for a moment, and so is one whose frame was late."""
KNOWN_MS: Final = 31 * 24 * HOUR_MS
"""A sensor that has been silent for longer is taken for one that was taken down."""
_COUNTS: Final = ("accepted", "bad_frames_1h", "silent_s")
_OF_NOTHING_ACCEPTED: Final = ("disk-full", "clock-set")
"""Reasons that are told although nothing that was accepted is gone."""
SETTLED_MS: Final = 5 * MINUTE_MS
"""After an hour the agents close its account, and it has to arrive."""


@dataclass(slots=True)
class Hour:
    """One sensor's hour. `causes` is empty when nothing is missing and nothing was wrong."""

    node: str
    sensor: str
    hour_ms: int
    accepted: int = 0
    stored: int = 0
    refused: int = 0
    replaced: int = 0
    bad_frames: int = 0
    silent_s: float = 0.0
    goes_on: bool = False
    causes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """Accepted by the agent and not accounted for in the database, the quarantine or a gap record."""
        return max(0, self.accepted - self.stored - self.refused - self.replaced)


def gaps(
    store: Store,
    since_ms: int,
    now_ms: int,
    waiting: dict[str, int | None],
    refused: dict[tuple[str, str, int], int],
    node: str | None = None,
) -> list[Hour]:
    """Every sensor's hours since `since_ms`. Raises StoreDown.

    `waiting` tells per node the oldest reading it says it still holds (None: none); `refused` counts quarantined rows
    by node, sensor and hour.
    """
    first_ms = since_ms // HOUR_MS * HOUR_MS
    where: dict[str, str | tuple[str, ...]] = {} if node is None else {"node": node}
    hours: dict[tuple[str, str, int], Hour] = {}
    _read_ledger(store, first_ms, where, hours)
    _read_stored(store, first_ms, where, hours)
    reasons = _read_gap_records(store, node, hours)
    for name, count in refused.items():
        if name in hours:
            hours[name].refused += count
    _read_known(store, first_ms, where, hours)
    _add_silent_nodes(hours, now_ms)
    for key, hour in hours.items():
        hour.goes_on = now_ms < hour.hour_ms + HOUR_MS + SETTLED_MS
        hour.causes = _causes(hour, reasons.get(key, []), waiting, now_ms)
    return [hours[key] for key in sorted(hours)]


def _read_ledger(store: Store, first_ms: int, where: dict[str, Any], hours: dict[tuple[str, str, int], Hour]) -> None:
    """Cumulative counts: the greatest of an hour is the hour's. Where two spools tell of it, row by row."""
    question = Select(
        "sensor_ledger", _COUNTS, first_ms, where=where,
        group_by=("node", "sensor", "spool"), aggregate="max", every_ms=HOUR_MS,
    )  # fmt: skip
    told: set[tuple[str, str, int]] = set()
    twice: set[tuple[str, int]] = set()
    for series in store.select(question):
        node, sensor = series.tags["node"], series.tags["sensor"]
        for hour_ms, *counts in series.rows:
            if (node, sensor, hour_ms) in told:
                twice.add((node, hour_ms))
            told.add((node, sensor, hour_ms))
            _note(_hour(hours, node, sensor, hour_ms), counts)
    for node, hour_ms in sorted(twice):
        question = Select(
            "sensor_ledger", _COUNTS, hour_ms, hour_ms + HOUR_MS, {"node": node}, group_by=("node", "sensor")
        )
        for series in store.select(question):
            columns = list(zip(*sorted(series.rows, key=lambda row: row[0]), strict=True))[1:]
            _note(_hour(hours, node, series.tags["sensor"], hour_ms), [_grown(column) for column in columns])


def _note(hour: Hour, counts: Sequence[float | None]) -> None:
    hour.accepted, hour.bad_frames = (int(count or 0) for count in counts[:2])
    hour.silent_s = counts[2] or 0.0


def _grown(counts: Iterable[float | None]) -> float:
    """How far a count has come that another spool goes on with, tells again, or begins anew."""
    total = last = 0.0
    for count in counts:
        if count is not None:
            total += count - last if count >= last else count
            last = count
    return total


def _read_stored(store: Store, first_ms: int, where: dict[str, Any], hours: dict[tuple[str, str, int], Hour]) -> None:
    for measurement in READINGS:
        question = Select(
            measurement,
            ("cq",),
            first_ms,
            where=where,
            group_by=("node", "sensor"),
            aggregate="count",
            every_ms=HOUR_MS,
        )
        for series in store.select(question):
            for hour_ms, count in series.rows:
                _hour(hours, series.tags["node"], series.tags["sensor"], hour_ms).stored += count or 0


def _read_gap_records(
    store: Store, node: str | None, hours: dict[tuple[str, str, int], Hour]
) -> dict[tuple[str, str, int], list[str]]:
    """Spread each record's count over the hours it touches, where more was accepted than stored."""
    reasons: dict[tuple[str, str, int], list[str]] = {}
    of_node: dict[str, list[tuple[str, str, int]]] = {}
    for key in sorted(hours, key=lambda each: each[2]):
        of_node.setdefault(key[0], []).append(key)
    for gap in ledger.gaps(store, node):
        left = gap.lost
        for key in of_node.get(gap.node, ()):  # not hour by hour: whoever sends a gap chooses how long it is
            if gap.sensor in (key[1], "node") and gap.from_ms < key[2] + HOUR_MS and key[2] <= gap.to_ms:
                take = min(left, hours[key].missing) if gap.reason not in _OF_NOTHING_ACCEPTED else 0
                hours[key].replaced += take
                left -= take
                if take or gap.reason in _OF_NOTHING_ACCEPTED:
                    reasons.setdefault(key, []).append(gap.reason)
    return reasons


def _read_known(store: Store, first_ms: int, where: dict[str, Any], hours: dict[tuple[str, str, int], Hour]) -> None:
    """Who had a word before the first hour: a station that has been dead since then has holes and no row.

    Asked of accounts and hours: the newest of a month of readings costs a database fifty times as much.
    """
    for measurement, column in (("sensor_ledger", "accepted"), *((name + HOURS, "completeness") for name in ROLLED)):
        question = Select(
            measurement, (column,), first_ms - KNOWN_MS, first_ms, where, group_by=("node", "sensor"), latest=True
        )
        for series in store.select(question):
            _hour(hours, series.tags["node"], series.tags["sensor"], first_ms)


def _add_silent_nodes(hours: dict[tuple[str, str, int], Hour], now_ms: int) -> None:
    """Hours in which a known sensor has no row at all, between its first and the last whole one."""
    seen: dict[tuple[str, str], list[int]] = {}
    for node, sensor, hour_ms in hours:
        seen.setdefault((node, sensor), []).append(hour_ms)
    for (node, sensor), found in seen.items():
        for hour_ms in range(min(found), now_ms // HOUR_MS * HOUR_MS, HOUR_MS):
            _hour(hours, node, sensor, hour_ms)


def _causes(hour: Hour, reasons: list[str], waiting: dict[str, int | None], now_ms: int) -> list[str]:
    causes = []
    if hour.accepted == hour.stored == 0 and not hour.bad_frames and not hour.silent_s:
        causes.append("agent-off")
    if hour.silent_s >= SILENT_S:
        causes.append("sensor-silent")
    if hour.bad_frames:
        causes.append("bad-frames")
    if hour.refused:
        causes.append("refused")
    causes += dict.fromkeys(reasons)
    if hour.missing > 0:
        oldest_ms = waiting.get(hour.node)
        holds = oldest_ms is not None and oldest_ms < hour.hour_ms + HOUR_MS
        recent = now_ms - hour.hour_ms < 2 * HOUR_MS
        causes.append("still-on-agent" if holds or recent else "unexplained")
    return causes


def _hour(hours: dict[tuple[str, str, int], Hour], node: str, sensor: str, hour_ms: int) -> Hour:
    key = (node, sensor, hour_ms)
    if key not in hours:
        hours[key] = Hour(node, sensor, hour_ms)
    return hours[key]
