"""What an agent does to its spool, real or simulated: it obeys what delivery asks for, and keeps to the size limit."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge_agent.delivery import unanswered
from edge_agent.delivery.delivery import Delivery
from edge_agent.spool import making_room
from edge_agent.spool.spool import Spool
from wire.times import DAY_MS

log = logging.getLogger("lamppost.agent")

RING_MS = DAY_MS


def obey(
    delivery: Delivery, spool: Spool, announced: tuple[str, ...], now_ms: int, alive: Callable[[], None] = lambda: None
) -> bool:
    """Do what delivery asks for; True when the birth, which has `announced` these spools, is to be said again.

    `alive` is called while it takes its time. Raises SpoolError; what is not done then is asked for again.
    """
    while delivery.too_large:
        making_room.split(spool, delivery.too_large.pop(), now_ms)
    while delivery.ignored:
        unanswered.set_aside(spool, delivery.ignored.pop(), now_ms)
    if delivery.rolled_back:
        log.warning("the collector knows this card's numbers already: it was restored or copied; a new spool begins")
        spool.begin_life(now_ms, alive)
        delivery.rolled_back = False
        return True
    if announced != spool.spools() or delivery.unheard:
        delivery.unheard = False
        return True
    return False


def care(
    spool: Spool, limit_bytes: int | None, now_ms: int, ring_ms: int = RING_MS, alive: Callable[[], None] = lambda: None
) -> None:
    """Forget what was answered so long ago, and keep the file below its limit, if it has one. Raises SpoolError.

    `alive` is called while it takes its time.
    """
    spool.prune(now_ms - ring_ms)
    while limit_bytes is not None and making_room.make_room(spool, limit_bytes, now_ms):
        alive()
