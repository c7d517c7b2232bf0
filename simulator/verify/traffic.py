"""Vehicles that passed, by the city's own word, against the counts that are stored.

A radar's agent counts from reports, interval by interval; single vehicles never leave the device. So the two can only
be compared in sum: who passes as the run begins or ends may be on either side, and a slow vehicle behind one of the
other direction is lost to a simple radar for longer than the agent waits, and counted twice (3 % in a traffic jam).
"""

from __future__ import annotations

from typing import Final

from collector.stores.store import Select, Store
from simulator.verify.verdict import Verdict

EDGE: Final = 3
SHARE: Final = 0.05
SHARE_ANY: Final = 0.15
"""Where no direction is told, two vehicles as fast as each other that meet in the beam cannot be parted."""


def judge(passed: dict[str, int], lorries: dict[str, int], store: Store, verdict: Verdict) -> None:
    """Compare; keys are node/sensor/direction. Lorries are those of radars that tell lengths. Raises StoreDown."""
    if not passed:
        return
    counted = _counted(store, "count")
    verdict.vehicles_passed, verdict.vehicles_counted = sum(passed.values()), sum(counted.values())
    _compare(passed, counted, "vehicles", verdict)
    if lorries:
        _compare(lorries, _counted(store, "heavy_count"), "lorries", verdict)


def _counted(store: Store, column: str) -> dict[str, int]:
    question = Select("traffic_flow", (column,), group_by=("node", "sensor", "direction"), aggregate="sum")
    return {
        "/".join(series.tags[tag] for tag in question.group_by): int(series.rows[0][1] or 0)
        for series in store.select(question)
    }


def _compare(passed: dict[str, int], counted: dict[str, int], what: str, verdict: Verdict) -> None:
    """By direction, or both together where a radar tells none and counts them as `any`."""
    for radar in dict.fromkeys(name.rpartition("/")[0] for name in passed):
        meant = {name: number for name, number in passed.items() if name.startswith(radar + "/")}
        found = {name: counted.get(name, 0) for name in meant}
        share = SHARE
        if counted.get(radar + "/any"):
            share = SHARE_ANY
            meant = {radar: sum(meant.values())}
            found = {radar: sum(found.values()) + counted[radar + "/any"]}
        for name, number in meant.items():
            if abs(found[name] - number) > EDGE + share * number:
                verdict.wrong["traffic"] += 1
                verdict.note("traffic", name, 0, f"{found[name]} {what} counted, {number} have passed")
