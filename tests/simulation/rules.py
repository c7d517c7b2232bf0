"""The rules in force in one world: the product's classes, or a mutant's."""

from __future__ import annotations

from dataclasses import dataclass

from collector.delivery.ingest import Ingest
from edge_agent.delivery.delivery import Delivery
from edge_agent.spool.spool import Spool


@dataclass(frozen=True, slots=True)
class Rules:
    """Which class does which half of the protocol. `durable` is False when the quarantine dies with its collector."""

    spool: type[Spool] = Spool
    delivery: type[Delivery] = Delivery
    ingest: type[Ingest] = Ingest
    durable: bool = True
