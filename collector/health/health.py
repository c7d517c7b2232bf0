"""Is this collector alive, and is it ready? What `/healthz`, `/readyz` and the metrics say."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Health:
    """`alive`: the ingest moves. `wrong`: part to what is wrong with it, empty when everything works.

    `others`: the other collectors on this broker and their states.
    """

    alive: bool
    role: str
    wrong: dict[str, str]
    others: dict[str, str] = field(default_factory=dict)


STALLED_S = 30.0
"""An ingest that has not gone round for so long hangs; a write may wait for the database as long as this."""


def health(stepped_ago_s: float, connected: bool, store_alarm: str | None, role: str, others: dict[str, str]) -> Health:
    """What a collector's parts say, put together."""
    wrong = {}
    if not connected:
        wrong["broker"] = "not connected"
    if store_alarm is not None:
        wrong["database"] = store_alarm
    return Health(stepped_ago_s < STALLED_S, role, wrong, others)
