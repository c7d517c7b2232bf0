"""An agent that may not hear its answers does not send: it connects anew, and says why."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import aiomqtt
import pytest

from device_profiles.settings import BrokerAddress
from edge_agent.delivery import Delivery
from edge_agent.spool import Spool
from edge_agent.uplink import Uplink
from wire import status


class Broker:
    """Grants or refuses."""

    def __init__(self, *codes: int) -> None:
        self.codes = codes

    async def subscribe(self, _: Any) -> tuple[int, ...]:
        return self.codes


@pytest.mark.parametrize(("codes", "fine"), [((1, 1), True), ((0x80, 1), False), ((1, 0x87), False)])
def test_a_refused_subscription_ends_the_connection(spool: Spool, codes: tuple[int, ...], fine: bool) -> None:
    birth = status.Birth("lp-1", "s", "0" * 16, spool.spools(), 1, None, "0", "synced")
    uplink = Uplink(
        BrokerAddress("127.0.0.1", 1), "lp-1", Delivery(spool, random.Random(1)), lambda: birth, lambda *_: None
    )
    if fine:
        asyncio.run(uplink._subscribe(Broker(*codes)))  # type: ignore[arg-type]
    else:
        with pytest.raises(aiomqtt.MqttError, match="is refused: 0x8"):
            asyncio.run(uplink._subscribe(Broker(*codes)))  # type: ignore[arg-type]
