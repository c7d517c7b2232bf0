"""An agent that may not hear its answers does not send: it connects anew, and says why."""

from __future__ import annotations

import asyncio
import getpass
import random
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from common.settings import BrokerAddress
from edge_agent.delivery import uplink as uplink_module
from edge_agent.delivery.client import Client
from edge_agent.delivery.delivery import Delivery
from edge_agent.delivery.uplink import ANSWER_S, CUT_OFF, RECONNECT_S, Uplink
from edge_agent.reading import Reading, Series
from edge_agent.spool.spool import Origin, Spool
from tests.servers import Mosquitto
from wire import status


class Broker:
    """Grants or refuses."""

    def __init__(self, *codes: int) -> None:
        self.codes = codes

    async def subscribe(self, _: Any) -> tuple[int, ...]:
        return self.codes


def uplink_of(spool: Spool, seed: int = 1, port: int = 1) -> Uplink:
    birth = status.Birth("lp-1", "s", "0" * 16, spool.spools(), 1, None, "0", "synced")
    delivery = Delivery(spool, random.Random(seed))
    return Uplink(BrokerAddress("127.0.0.1", port), "lp-1", delivery, lambda: birth, lambda *_: None)


@pytest.mark.parametrize(("codes", "fine"), [((1, 1), True), ((0x80, 1), False), ((1, 0x87), False)])
def test_a_refused_subscription_ends_the_connection(spool: Spool, codes: tuple[int, ...], fine: bool) -> None:
    uplink = uplink_of(spool)
    if fine:
        asyncio.run(uplink._subscribe(Broker(*codes)))  # type: ignore[arg-type]
    else:
        with pytest.raises(aiomqtt.MqttError, match="is refused: 0x8"):
            asyncio.run(uplink._subscribe(Broker(*codes)))  # type: ignore[arg-type]


class Closed(Mosquitto):
    """Lets nobody in."""

    extra = "allow_anonymous false\n"


async def _trouble(uplink: Uplink) -> str:
    running = asyncio.create_task(uplink.run())
    try:
        async with asyncio.timeout(ANSWER_S / 2):
            while uplink.trouble is None:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return uplink.trouble


@pytest.mark.real
def test_why_it_is_not_connected_is_known_beside_the_log(spool: Spool, tmp_path: Path) -> None:
    assert asyncio.run(_trouble(uplink_of(spool))) == "Connection refused"
    broker = Closed(tmp_path / "broker")
    broker.start()
    try:
        assert asyncio.run(_trouble(uplink_of(spool, port=broker.port))) == "refused: Not authorized"
    finally:
        broker.stop()


async def _beside_a_mute(uplink: Uplink, broker: Mosquitto) -> None:
    assert broker.process is not None
    running = asyncio.create_task(uplink.run())
    try:
        async with asyncio.timeout(15):
            while uplink.connected_since_s is None:
                await asyncio.sleep(0.01)
            broker.process.send_signal(signal.SIGSTOP)
            while not uplink.counts["disconnected"]:
                uplink.announce()
                await asyncio.sleep(0.1)
    finally:
        broker.process.send_signal(signal.SIGCONT)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.real
def test_a_broker_that_has_gone_silent_is_left_whatever_it_says_of_keep_alive(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before the connection's own keep alive would end it, which a broker may set to a day or to never."""
    monkeypatch.setattr(uplink_module, "SILENT_S", 1.0, raising=False)
    monkeypatch.setattr(uplink_module, "ANSWER_S", 0.5)
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    try:
        asyncio.run(_beside_a_mute(uplink_of(spool, port=broker.port), broker))
    finally:
        broker.stop()


async def _beside_who_hangs_up(spool: Spool, *says: bytes) -> str:
    async def hang_up(heard: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        for answer in says:
            await heard.read(1_000)
            line.write(answer)
        line.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        return await _trouble(uplink_of(spool, port=server.sockets[0].getsockname()[1]))


CONNACK, TAKEN_OVER = b"\x20\x03\x00\x00\x00", b"\xe0\x01\x8e"


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ((), "it hangs up without an answer"),
        ((CONNACK,), "it hangs up"),
        ((CONNACK, TAKEN_OVER), "it hangs up: Session taken over"),
    ],
)
def test_a_broker_that_hangs_up_is_not_waited_for(spool: Spool, says: tuple[bytes, ...], why: str) -> None:
    """As a proxy before one that restarts, or beside a copy of the card: each try took twenty seconds."""
    assert asyncio.run(_beside_who_hangs_up(spool, *says)) == why


async def _beside_who_takes_little(spool: Spool, most: int) -> int:
    """How many publishes were under way at once to a broker that says in its CONNACK how many it takes."""
    under_way, done = [0], asyncio.Event()

    async def take(heard: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        def confirm(number: bytes) -> None:
            under_way.append(under_way[-1] - 1)
            line.write(b"\x40\x02" + number)

        while head := await heard.read(2):
            more = (await heard.readexactly(1))[0] << 7 if head[1] & 0x80 else 0
            body = await heard.readexactly(head[1] & 0x7F | more)
            if head[0] >> 4 == 1:
                line.write(b"\x20\x06\x00\x00\x03\x21" + most.to_bytes(2, "big"))
            elif head[0] >> 4 == 8:
                line.write(b"\x90\x05" + body[:2] + b"\x00\x01\x01")
            elif head[0] >> 4 == 3:
                at = 2 + int.from_bytes(body[:2], "big")
                under_way.append(under_way[-1] + 1)
                asyncio.get_running_loop().call_later(0.02, confirm, body[at : at + 2])
                if len(under_way) > 16:
                    done.set()
        line.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        uplink = uplink_of(spool, port=server.sockets[0].getsockname()[1])
        uplink._delivery.connect_pause_s, uplink._delivery.window = 0.0, 16
        running = asyncio.create_task(uplink.run())
        while uplink.connected_since_s is None:
            await asyncio.sleep(0.01)
        uplink._delivery._room_max = 16.0  # as after many answers
        uplink.wake()
        async with asyncio.timeout(10):
            await done.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return max(under_way)


@pytest.mark.parametrize("most", [1, 3])
def test_a_broker_has_no_more_under_way_than_it_takes_at_once(spool: Spool, most: int) -> None:
    """More is an error by which a strict broker hangs up (MQTT 5, 3.3.4): with a backlog it did so again and again."""
    for number in range(12):
        reading = Reading(Series("air-1", "air_quality"), 1_790_000_000_000 + number, {"co2_ppm": 400})
        spool.accept_and_seal([reading], Origin("lp-1", "s", "0" * 8, "synced"))
    assert asyncio.run(_beside_who_takes_little(spool, most)) <= most


class Refusing(Mosquitto):
    """Lets a node in, and takes nothing but its status."""

    def configure(self) -> None:
        rules = self.folder / "acl"
        rules.write_text("pattern write lamppost/1/%u/status\npattern read lamppost/1/%u/#\n")
        self.extra = f"user {getpass.getuser()}\nacl_file {rules}\n"  # another user may not enter a test's folder
        super().configure()


@pytest.mark.real
def test_a_broker_that_lets_us_in_and_takes_nothing_is_known_by_its_word(
    spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It was a collector that did not answer: the broker's word came with each batch, and nobody heard it."""
    spool.accept_and_seal(
        [Reading(Series("air-1", "air_quality"), 1, {"co2_ppm": 2})], Origin("lp-1", "s", "0" * 8, "synced")
    )
    broker, other = Refusing(tmp_path / "broker"), Mosquitto(tmp_path / "other")
    broker.start()
    other.start()

    async def refused() -> tuple[Any, ...]:
        uplink = uplink_of(spool, port=broker.port)
        uplink._broker = BrokerAddress("127.0.0.1", broker.port, others=(("127.0.0.1", other.port),))
        uplink._delivery.connect_pause_s = 0.0
        running = asyncio.create_task(uplink.run())
        async with asyncio.timeout(10):
            while uplink.refusal is None:
                await asyncio.sleep(0.01)
            said = uplink.refusal, uplink.trouble, uplink.counts["publish_refused"]
            broker.stop()
            while uplink.refusal is not None:  # the other node takes what that one did not
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return said

    try:
        assert asyncio.run(refused()) == ("Not authorized", None, 1)
    finally:
        broker.stop()
        other.stop()
    assert "refuses what is sent: Not authorized" in caplog.text
    assert spool.depth().rows == 1


class Silent(Broker):
    """Takes everything, and never says a word."""

    async def publish(self, *_: Any, **__: Any) -> None:
        """Taken."""

    @property
    async def messages(self) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield


class Late(Broker):
    """Its acknowledgement takes longer than anybody waits for it."""

    async def publish(self, *_: Any, **__: Any) -> None:
        raise aiomqtt.MqttError("Operation timed out")


def test_what_a_slow_line_carries_counts_against_its_budget(spool: Spool) -> None:
    uplink = uplink_of(spool)
    spool.accept(
        [Reading(Series("air-1", "air_quality"), 1, {"pm25_raw_ugm3": 2})], Origin("lp-1", "s", "0" * 8, "synced")
    )
    (sealed,) = spool.seal()
    asyncio.run(uplink._publish(Late(), sealed))  # type: ignore[arg-type]
    assert uplink.line_bytes == len("lamppost/1/lp-1/data") + len(sealed.data)
    assert uplink.counts == {"unconfirmed": 1}


def test_a_session_ends_at_once_when_the_spool_cannot_be_read(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def client() -> AsyncIterator[Silent]:
        yield Silent(1, 1)

    def damaged(*_: Any) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    uplink = uplink_of(spool)
    uplink._delivery.connect_pause_s = 0
    monkeypatch.setattr(uplink, "_client", client)
    monkeypatch.setattr(spool, "newest", damaged)
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        asyncio.run(asyncio.wait_for(uplink._session(), timeout=10))


def test_who_is_let_in_and_cut_off_all_the_time_says_so(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As beside a copy of its card: a broker ends the older connection of a name."""
    uplink, now_s = uplink_of(spool), [0.0]
    ends = iter([True] * CUT_OFF + [False] * CUT_OFF)  # let in and cut off, then not let in at all

    async def session() -> None:
        if next(ends):
            uplink.connected_since_s = now_s[0]
        raise aiomqtt.MqttError("gone")

    async def sleep(_: float) -> None:
        flapping.append(uplink.flapping.often(now_s[0]))
        now_s[0] += 100.0

    flapping: list[bool] = []
    monkeypatch.setattr(uplink, "_session", session)
    monkeypatch.setattr("edge_agent.delivery.uplink.asyncio.sleep", sleep)
    monkeypatch.setattr("edge_agent.delivery.uplink.time.monotonic", lambda: now_s[0])
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(uplink.run())
    assert flapping == [False] * 4 + [True] * 2 + [False] * 4


@pytest.mark.parametrize("failures", [0, 4, 1000])
def test_a_fleet_comes_back_over_seconds(spool: Spool, failures: int) -> None:
    waits_s = [uplink_of(spool, seed)._wait_s(failures) for seed in range(200)]
    longest_s = RECONNECT_S[min(failures, 4)]
    assert max(waits_s) - min(waits_s) > 4.5
    assert longest_s / 2 <= min(waits_s) <= max(waits_s) <= longest_s / 2 + max(longest_s, 5)


def test_a_goodbye_that_takes_too_long_ends_itself_alone() -> None:
    """What is waited for there is the end of the connection, and who was cancelled with it was the whole uplink."""

    async def goodbye() -> None:
        client = Client("127.0.0.1", identifier="lp-1")
        with pytest.raises(aiomqtt.MqttError, match="timed out"):
            await client._wait_for(client._disconnected, 0.01)
        with pytest.raises(aiomqtt.MqttError, match="timed out"):
            await client._wait_for(asyncio.Event().wait(), 0.01)

    asyncio.run(goodbye())


def test_a_broker_that_hangs_up_after_a_goodbye_that_took_too_long_ends_nothing_of_ours() -> None:
    """Who looked at what had been given up would have been given up as well."""

    async def hung_up() -> None:
        client = Client("127.0.0.1", identifier="lp-1")
        client._connected.set_result(None)
        client._disconnected.cancel()
        client._on_disconnect(client._client, None, None, ReasonCode(PacketTypes.DISCONNECT, "Normal disconnection"))

    asyncio.run(hung_up())
