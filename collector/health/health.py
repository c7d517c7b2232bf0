"""Is this collector alive, and is it ready? What `/healthz`, `/readyz` and the metrics say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Trouble(NamedTuple):
    """What is wrong with a part: a word that the pages have a text for, and what the log says of it."""

    word: str
    detail: str = ""


AWAY: Final = Trouble("broker_away")


@dataclass(frozen=True, slots=True)
class Health:
    """`alive`: the ingest moves. `wrong`: part to what is wrong with it, empty when everything works.

    `others`: the other collectors on this broker and their states.
    """

    alive: bool
    role: str
    wrong: dict[str, Trouble]
    others: dict[str, str] = field(default_factory=dict)


STALLED_S = 30.0
"""An ingest that has not gone round for so long hangs; a write may wait for the database as long as this."""


def health(
    stepped_ago_s: float, broker: Trouble | None, store_alarm: str | None, role: str, others: dict[str, str]
) -> Health:
    """What a collector's parts say, put together."""
    wrong = {}
    if broker is not None:
        wrong["broker"] = broker
    if store_alarm is not None:
        wrong["database"] = Trouble("database_away", store_alarm)
    return Health(stepped_ago_s < STALLED_S, role, wrong, others)
