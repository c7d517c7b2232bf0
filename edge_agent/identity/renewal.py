"""Renewal: a certificate is renewed from two thirds of its life on, again and again until it is done.

The connection in hand goes on; the next one uses the new certificate. A certificate that has ended renews itself too:
readings wait in the spool meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from datetime import timedelta

from edge_agent.identity.enrol import renew
from edge_agent.identity.identity import Identity, now_utc
from wire.exits import Failure

log = logging.getLogger("lamppost.renewal")

LOOK_S = 60.0  # a board without a battery may learn only now that its certificate has long been due
RETRY_S = 600.0
WARN = (timedelta(days=14), timedelta(days=7), timedelta(days=1))


async def keep_renewed(identity: Identity, counts: Counter[str]) -> None:
    """Look at the certificate until cancelled. Never raises: an agent without an office goes on recording."""
    warned: timedelta | None = None
    left = timedelta()
    while True:
        wait_s = LOOK_S
        try:
            left = identity.ends_in(now_utc())
            if identity.renewal_due(now_utc()):
                enrolled = await asyncio.to_thread(renew, identity.folder)
                counts["certificate_renewed"] += 1
                log.info("certificate renewed until %s", enrolled.expires)
                warned = None
        except (Failure, OSError, ValueError) as error:
            counts["renewal_failed"] += 1
            wait_s = RETRY_S
            level = next((limit for limit in reversed(WARN) if left <= limit), None)
            if level != warned or counts["renewal_failed"] == 1:
                ends = f"ends in {left.days} days" if left > timedelta() else "has ended"
                log.warning("certificate %s and cannot be renewed: %s", ends, error)
            warned = level
        await asyncio.sleep(wait_s * random.uniform(0.9, 1.1))
