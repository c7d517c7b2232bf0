"""A link that comes and goes for days is told, and fills no journal; when it stands again, that is told too."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.broker import link as link_module
from collector.broker.link_311 import make_link
from common import comings as module
from common.comings import STANDS_S, Comings
from common.settings import BrokerAddress
from edge_agent.delivery import uplink as uplink_module
from edge_agent.delivery.delivery import Delivery
from edge_agent.delivery.uplink import Uplink
from edge_agent.spool.spool import Spool
from tests.closes import Closes
from tests.servers import Mosquitto, wait_for
from wire import status

OUTINGS = 5


def said(*stays_s: float) -> list[str]:
    """What is said of a connection that stays so long each time, and comes again five seconds later."""
    comings, now_s, found = Comings(), 0.0, []
    for stay_s in stays_s:
        for second in range(int(stay_s)):
            if comings.there(now_s + second):
                found.append(f"there at {now_s + second:g}")
        now_s += stay_s
        if comings.gone(now_s):
            found.append(f"gone at {now_s:g}")
        now_s += 5
    return found


def test_a_connection_that_stood_is_told_each_time() -> None:
    assert said(100, 100) == ["there at 0", "gone at 100", "there at 105", "gone at 205"]


def test_one_that_is_lost_soon_is_told_once_and_again_when_it_stands() -> None:
    assert said(10, 10, 10, 100, 10) == [
        "there at 0", "gone at 10", f"there at {45 + STANDS_S:g}", "gone at 145", "there at 150", "gone at 160"
    ]  # fmt: skip


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def push_out(broker: Mosquitto, name: str) -> None:
    """Another of that name comes: a broker ends the older connection. Then it goes."""
    twin = paho.Client(CallbackAPIVersion.VERSION2, name)
    twin.connect("127.0.0.1", broker.port)
    twin.loop_start()
    wait_for("the twin", twin.is_connected)
    twin.disconnect()
    twin.loop_stop()


def was_lost_beyond(times: int, counts: Counter[str]) -> bool:
    return counts["disconnected"] > times


def heads(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().split(":")[0] for record in caplog.records]


@pytest.mark.real
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_collector_that_is_pushed_out_does_not_fill_the_journal(
    broker: Mosquitto, protocol: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It wrote more than a line a second, for as long as that went on."""
    caplog.set_level("INFO")
    monkeypatch.setattr(link_module, "PAUSE_S_MIN", 0.05)
    link = make_link(BrokerAddress("127.0.0.1", broker.port, protocol=protocol), "c1")
    link.start()
    try:
        for outing in range(OUTINGS):
            wait_for("the link", lambda: link.connected and link.take(0.05) == [])
            push_out(broker, link.client_id)
            wait_for("the loss", partial(was_lost_beyond, outing, link.counts))
        assert heads(caplog) == ["connected to broker 127.0.0.1", "connection to the broker lost"]
        monkeypatch.setattr(module, "STANDS_S", 0.5)
        wait_for("the link", lambda: link.connected and link.take(0.05) == [])
        link.publish("lamppost/1/x", b"")  # its thread has a reason to look up
        wait_for("that it is told", lambda: link.take(0.05) == [] and len(caplog.records) == 3, 12)
        assert heads(caplog)[2:] == ["connected to broker 127.0.0.1"]
    finally:
        link.stop()


@pytest.mark.real
def test_a_station_with_a_twin_does_not_fill_the_journal(
    broker: Mosquitto, tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(uplink_module, "RECONNECT_S", (0.05,))
    spool = closes(Spool(tmp_path / "spool.db", "lp-1", "s"))
    birth = status.Birth("lp-1", "s", "0" * 16, spool.spools(), 1, None, "0", "synced")
    delivery = Delivery(spool, random.Random(1), connect_pause_s=0.0)
    uplink = Uplink(BrokerAddress("127.0.0.1", broker.port), "lp-1", delivery, lambda: birth, lambda *_: None)

    async def pushed_out() -> None:
        running = asyncio.create_task(uplink.run())
        for outing in range(OUTINGS):
            await _until(lambda: uplink.connected_since_s is not None)
            await asyncio.to_thread(push_out, broker, "lp-1")
            await _until(partial(was_lost_beyond, outing, uplink.counts))
        assert heads(caplog) == ["connected to broker 127.0.0.1", "broker 127.0.0.1"]
        monkeypatch.setattr(module, "STANDS_S", 0.5)
        await _until(lambda: len(caplog.records) == 3)
        assert heads(caplog)[2:] == ["connected to broker 127.0.0.1"]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(pushed_out())


async def _until(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until_s, "waited in vain"
        await asyncio.sleep(0.02)
