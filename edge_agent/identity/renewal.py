"""Renewal: a certificate is renewed from two thirds of its life on, again and again until it is done.

The connection in hand goes on; the next one uses the new certificate. A certificate that has ended renews itself too:
readings wait in the spool meanwhile. With each comes which keys to believe; so it is also asked for when answers come
that none of ours has signed: the office, believed by its own certificate, may have another key by now.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from edge_agent.identity.enrol import renew
from edge_agent.identity.identity import Identity, now_utc
from wire.exits import Failure

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

log = logging.getLogger("lamppost.renewal")

LOOK_S = 60.0  # a board without a battery may learn only now that its certificate has long been due
RETRY_S = 600.0
SPREAD_S = 600.0
ASK_AGAIN_S = 3600.0
DUE_AGAIN_S = 86_400.0
WARN = (timedelta(days=14), timedelta(days=7), timedelta(days=1))


class Doubts:
    """Answers that none of our keys has signed. Holds no clock; `chance` spreads a fleet that all doubt at once."""

    def __init__(self, counts: Counter[str], chance: Callable[[], float] = random.random) -> None:
        self._counts, self._chance = counts, chance
        self._known = 0
        self._not_before_s: float | None = None

    def due(self, now_s: float) -> bool:
        """True when the office is to be asked: once for what has come, and at most once an hour.

        A hostile broker can make up answers, too: that costs an hourly renewal and nothing else.
        """
        if self._counts["ack_bad_signature"] == self._known:
            return False
        if self._not_before_s is None:
            self._not_before_s = now_s + SPREAD_S * self._chance()
        if now_s < self._not_before_s:
            return False
        self._known, self._not_before_s = self._counts["ack_bad_signature"], now_s + ASK_AGAIN_S
        return True


async def keep_renewed(
    identity: Identity, counts: Counter[str], believe: Callable[[tuple[Ed25519PublicKey, ...]], None]
) -> None:
    """Look at the certificate until cancelled; `believe` gets the keys that come with a new one.

    Never raises: an agent without an office goes on recording.
    """
    doubts, not_before_s = Doubts(counts), 0.0
    warned: timedelta | None = None
    left = timedelta()
    while True:
        wait_s = LOOK_S
        try:
            left = identity.ends_in(now_utc())
            now_s = time.monotonic()
            # one that is due again at once is so by a clock that is far ahead
            if doubts.due(now_s) or (now_s >= not_before_s and identity.renewal_due(now_utc())):
                enrolled = await asyncio.to_thread(renew, identity.folder)
                believe(identity.pinned())
                counts["certificate_renewed"] += 1
                log.info("certificate renewed until %s", enrolled.expires)
                warned, not_before_s = None, now_s + DUE_AGAIN_S
        except (Failure, OSError, ValueError) as error:
            counts["renewal_failed"] += 1
            wait_s = RETRY_S
            level = next((limit for limit in reversed(WARN) if left <= limit), None)
            if level != warned or counts["renewal_failed"] == 1:
                ends = f"ends in {left.days} days" if left > timedelta() else "has ended"
                log.warning("certificate %s and cannot be renewed: %s", ends, error)
            warned = level
        await asyncio.sleep(wait_s * random.uniform(0.9, 1.1))
