"""Alerts expected and alerts raised: the same, no more, no fewer, each at its time."""

from __future__ import annotations

from typing import Any

from collector.stores.store import Select, Store
from simulator.verify.verdict import Verdict


def judge(expected: list[dict[str, Any]], store: Store, verdict: Verdict, nodes: frozenset[str] | None) -> None:
    """Compare, of `nodes` alone where they are given.

    An expectation has alert, node, sensor (None for any), from_ms, until_ms, may (or may not).
    """
    raised = [alert for alert in _raised(store) if nodes is None or alert["node"] in nodes]
    verdict.alerts_expected, verdict.alerts_raised = len(expected), len(raised)
    for wanted in expected:
        met = next((alert for alert in raised if _meets(wanted, alert)), None)
        if met is not None:
            raised.remove(met)
            continue
        if wanted.get("may"):
            verdict.alerts_expected -= 1
            continue
        verdict.alerts_missing += 1
        where = "/".join(filter(None, (wanted["node"], wanted["sensor"])))
        verdict.note("alert missing", where, wanted["from_ms"], f"{wanted['alert']} was not raised in its time")
    for alert in raised:
        verdict.alerts_unexpected += 1
        where = "/".join(filter(None, (alert["node"], alert["sensor"])))
        verdict.note("alert unexpected", where, alert["time_ms"], f"{alert['alert']} at {alert['value']}")


def _raised(store: Store) -> list[dict[str, Any]]:
    """Every alert that began to fire and was told; what is history by the time it is known rings for nobody."""
    found = []
    question = Select("alerts", ("state", "value", "node", "sensor", "late"), group_by=("rule",))
    for series in store.select(question):
        for time_ms, state, value, node, sensor, late in series.rows:
            if state == "firing" and not late:
                found.append({"alert": series.tags["rule"], "node": node or "", "sensor": sensor or "",
                              "value": value, "time_ms": time_ms})  # fmt: skip
    return sorted(found, key=lambda alert: alert["time_ms"])


def _meets(wanted: dict[str, Any], alert: dict[str, Any]) -> bool:
    return (
        wanted["alert"] == alert["alert"]
        and wanted["node"] == alert["node"]
        and wanted["sensor"] in (None, alert["sensor"])
        and wanted["from_ms"] <= alert["time_ms"] <= wanted["until_ms"]
    )
