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


def judge(passed: dict[str, int], store: Store, verdict: Verdict) -> None:
    """Compare; keys are node/sensor/direction. Raises StoreDown."""
    if not passed:
        return
    counted = dict.fromkeys(passed, 0)
    question = Select("traffic_flow", ("count",), group_by=("node", "sensor", "direction"), aggregate="sum")
    for series in store.select(question):
        counted["/".join(series.tags[tag] for tag in question.group_by)] = int(series.rows[0][1] or 0)
    verdict.vehicles_passed, verdict.vehicles_counted = sum(passed.values()), sum(counted.values())
    for name, meant in passed.items():
        if abs(counted[name] - meant) > EDGE + SHARE * meant:
            verdict.wrong["traffic"] += 1
            verdict.note("traffic", name, 0, f"{counted[name]} vehicles counted, {meant} have passed")
