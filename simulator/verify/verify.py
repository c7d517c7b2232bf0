"""`verify`: one run's notes against one store, and the verdict."""

from __future__ import annotations

from collections.abc import Callable

from collector.stores.store import Store
from simulator.notes import Notes
from simulator.verify import alerts, traffic
from simulator.verify.compare import Comparison
from simulator.verify.verdict import Verdict


def verify(notes: Notes, store: Store, run: str = "", watch: Callable[[float], None] = lambda _: None) -> Verdict:
    """Compare everything. Raises StoreDown. `watch` is told how much is done, 0 to 1."""
    meta = notes.meta()
    verdict = Verdict(run, hash=meta.get("hash", ""), waiting=meta.get("waiting_rows", 0))
    Comparison(notes, store, verdict, watch).run()
    traffic.judge(meta.get("vehicles", {}), store, verdict)
    alerts.judge(meta.get("expect_alerts", []), store, verdict)
    allowed = meta.get("expect_missing", [])
    verdict.not_allowed = sorted(f"missing for {cause}" for cause in verdict.missing if cause not in allowed)
    if meta.get("expect_some_missing") and not verdict.missing:
        verdict.not_allowed.append("nothing is missing, though this scenario takes something away")
    verdict.late = notes.late()
    return verdict
