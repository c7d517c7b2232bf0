"""Batches for delivery's tests, and the answers to them."""

from __future__ import annotations

from edge_agent.delivery.delivery import Delivery
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Sealed, Spool
from wire.ack import Ack, Verdict

T0 = 1_790_000_000_000


def fill(delivery: Delivery, batches: int) -> list[Sealed]:
    spool = delivery.spool
    assert isinstance(spool, Spool)
    sealed = []
    for n in range(batches):
        reading = Reading(Series("air-1", "air_quality"), T0 + n, {"pm25_raw_ugm3": n})
        spool.accept([reading], Origin("lp-1", "s", "b71d04c2", "synced"))
        sealed += spool.seal()
    return sealed


def ack(delivery: Delivery, *verdicts: Verdict, spool: str | None = None, window: int = 8) -> Ack:
    return Ack("c1", T0, spool or delivery.spool.spool_id, verdicts, window)


def seqs(sealed: list[Sealed]) -> list[int]:
    return [one.seq for one in sealed]
