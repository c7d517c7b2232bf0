"""`verify`: one run's notes against one store, and the verdict."""

from __future__ import annotations

from collector.stores.store import Store
from simulator.notes import Notes
from simulator.verify import alerts, hours, indices, traffic
from simulator.verify.compare import Comparison
from simulator.verify.verdict import Verdict


def verify(notes: Notes, store: Store, run: str = "", alone: bool = True) -> Verdict:
    """Compare everything. Raises StoreDown.

    A store that others use too (`alone` False) is asked for the run's own stations only.
    """
    meta = notes.meta()
    verdict = Verdict(
        run, hash=meta.get("hash", ""), waiting=meta.get("waiting_rows", 0), whole=meta.get("whole", False)
    )
    comparison = Comparison(notes, store, verdict, alone)
    comparison.run()
    hours.judge(notes.series().values(), comparison.measured, store, verdict)
    indices.judge(notes.series().values(), store, verdict)
    traffic.judge(meta.get("vehicles", {}), meta.get("lorries", {}), store, verdict)
    nodes = None if alone else frozenset(series.node for series in notes.series().values())
    alerts.judge(meta.get("expect_alerts", []), store, verdict, nodes)
    allowed = meta.get("expect_missing", [])
    verdict.not_allowed = sorted(f"missing for {cause}" for cause in verdict.missing if cause not in allowed)
    if meta.get("expect_some_missing") and not verdict.missing:
        verdict.not_allowed.append("nothing is missing, though this scenario takes something away")
    verdict.late = notes.late()
    return verdict
