"""Once after each start, an enrolled station looks whether its broker is safe, and says so where it is not."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable

from common.settings import BrokerAddress
from edge_agent.identity.selftest import SelfTestImpossible, holes, self_test

log = logging.getLogger("lamppost.safety")

SPREAD_S = 30.0
LOOK_S = 1.0


async def see_whether_safe(
    broker: BrokerAddress, node: str, counts: Counter[str], connected: Callable[[], bool]
) -> None:
    """Count and log every hole; ends by waiting for ever, as every task of the agent does. Never raises."""
    while not connected():
        await asyncio.sleep(LOOK_S)
    await asyncio.sleep(random.uniform(0, SPREAD_S))  # a fleet that starts at once does not test at once
    try:
        found = holes(await asyncio.to_thread(self_test, broker, node))
    except SelfTestImpossible as error:
        counts["selftest_impossible"] += 1
        log.warning("whether the broker is safe cannot be seen: %s", error)
        await asyncio.Event().wait()
        return
    for action in found:
        counts[f"broker_hole_{action.replace('-', '_')}"] += 1
    if found:
        log.error("this set-up is NOT safe: the broker lets a station do what only a thief wants: %s", ", ".join(found))
    else:
        counts["broker_safe"] += 1
    await asyncio.Event().wait()
