"""What may go wrong in one world, and how often. Every world draws its own weather within its kind."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

FAULTS_S = 300


@dataclass(frozen=True, slots=True)
class Weather:
    """Chances and times. A fault's `_every_s` is its mean time between two; 0 is never."""

    loss: float = 0.0
    doubling: float = 0.05
    delay_ms: int = 300
    late_ms: int = 120_000
    queue_cap: int = 1000
    unknown: float = 0.0
    refuse_every: int = 0
    whole_or_nothing: bool = False
    die_at: float = 0.0
    seal_ms: int = 5000
    kill_every_s: float = 200.0
    cut_every_s: float = 200.0
    link_every_s: float = 100.0
    broker_every_s: float = 200.0
    collector_every_s: float = 150.0
    database_every_s: float = 150.0
    portal_every_s: float = 300.0
    lies: float = 0.0
    card_every_s: float = 0.0
    spool_bytes: int = 0
    sync_after_ms: tuple[int, ...] = (0,)


KINDS: dict[str, dict[str, Any]] = {
    "honest": {},
    "lies": {"lies": 0.1},
    "small": {"spool_bytes": 100_000, "database_every_s": 60.0},
    "cards": {"lies": 0.5, "card_every_s": 40.0, "delay_ms": 5_000, "doubling": 0.3},
    "clocks": {"sync_after_ms": (0, 3_000, 40_000), "cut_every_s": 60.0},
    "lossy": {"loss": 0.2, "link_every_s": 0.0, "queue_cap": 6},
    "amnesia": {
        "lies": 0.8,
        "cut_every_s": 15.0,
        "doubling": 0.5,
        "delay_ms": 10_000,
        "late_ms": 30_000,
        "loss": 0.0,
        "queue_cap": 1000,
        "seal_ms": 1000,
        "kill_every_s": 0.0,
        "link_every_s": 0.0,
        "broker_every_s": 0.0,
        "database_every_s": 0.0,
        "portal_every_s": 0.0,
    },
}


def draw(kind: str, rng: random.Random) -> Weather:
    """The weather of one world: what its kind fixes, and each other fault often, seldom or never."""
    drawn = Weather(
        loss=rng.choice((0.0, 0.02, 0.2)),
        queue_cap=rng.choice((1000, 20, 6)),
        unknown=rng.choice((0.0, 0.05, 0.3)),
        refuse_every=rng.choice((0, 20, 7)),
        whole_or_nothing=rng.random() < 0.5,
        die_at=rng.choice((0.0, 0.01, 0.05)),
        seal_ms=rng.choice((1000, 5000)),
    )
    return replace(drawn, **KINDS[kind])
