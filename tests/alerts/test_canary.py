"""The canary goes all the way and back; when any part of the way is dead, nobody outside hears a heartbeat."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from collector.alerts.settings import CanarySettings
from collector.health.canary import Canary
from collector.notify.addresses import Inner
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Series
from common.settings import BrokerAddress
from tests.alerts.receiver import Receiver
from tests.closes import Closes
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto, free_port, wait_for

pytestmark = pytest.mark.real

SILENT_S = 2.5


def goes_on(watch: Receiver) -> bool:
    before = watch.calls
    wait_for("two heartbeats", lambda: watch.calls >= before + 2, 20)
    return True


def falls_silent(watch: Receiver) -> bool:
    """True when no heartbeat comes for two rounds and a half."""
    heard, since_s = watch.calls, time.monotonic()
    until_s = since_s + 20
    while time.monotonic() < until_s:
        if watch.calls != heard:
            heard, since_s = watch.calls, time.monotonic()
        if time.monotonic() - since_s > SILENT_S:
            return True
        time.sleep(0.05)
    return False


def start(folder: Path, watch: Receiver, port: int = 0, **how: object) -> tuple[Rig, Mosquitto, Influxd]:
    """A collector with a canary. With a `port` at which nobody listens the broker is another node of its cluster."""
    broker, database = Mosquitto(folder / "broker"), Influxd(folder / "database")
    if port:
        how["others"] = [f"127.0.0.1:{broker.port}"]
    broker.start()
    database.start()
    rig = Rig(folder, broker, database)
    alerts = {"canary": {"every": "1s", "heartbeat": watch.url}}
    rig.collector(alerts=alerts, broker={"port": port or broker.port, **how}).start()
    return rig, broker, database


def test_a_heartbeat_only_after_a_good_round(tmp_path: Path, receiver: Receiver) -> None:
    rig, broker, database = start(tmp_path, receiver)
    try:
        assert goes_on(receiver)
        assert rig.rows("node_health", "load_1m", node="canary-c1"), "it is in the database"
        database.stop()
        assert falls_silent(receiver), "the database is dead"
        database.start()
        assert goes_on(receiver)
        rig.programs[0].kill()
        assert falls_silent(receiver), "the collector is dead"
    finally:
        rig.close()
        broker.stop()
        database.stop()


def test_it_reaches_the_broker_as_the_collector_does(tmp_path: Path, receiver: Receiver) -> None:
    """Of a cluster whose first node is dead it knew no other, and to a broker of MQTT 3.1.1 it spoke MQTT 5."""
    rig, broker, database = start(tmp_path, receiver, port=free_port(), protocol="3.1.1")
    try:
        assert goes_on(receiver)
        as_311 = re.compile(r"as canary-c1-\w+ \(p2,")  # mosquitto's word for MQTT 3.1.1
        assert as_311.search((tmp_path / "broker" / "log").read_text())
    finally:
        rig.close()
        broker.stop()
        database.stop()


@pytest.mark.long
def test_a_broker_that_ends_or_hangs_is_missed_too(tmp_path: Path, receiver: Receiver) -> None:
    import os
    import signal

    rig, broker, database = start(tmp_path, receiver)
    try:
        assert goes_on(receiver)
        broker.stop()
        assert falls_silent(receiver)
        broker.start()
        assert goes_on(receiver)
        assert database.process is not None
        for server in (broker, database):
            assert server.process is not None
            os.kill(server.process.pid, signal.SIGSTOP)
            assert falls_silent(receiver), f"{type(server).__name__} hangs"
            os.kill(server.process.pid, signal.SIGCONT)
            assert goes_on(receiver)
    finally:
        rig.close()
        broker.stop()
        database.stop()


def test_one_that_breaks_says_so_and_sings_on(tmp_path: Path, closes: Closes) -> None:
    """Its thread ended without a word: nobody heard a heartbeat any more, and here all was well."""

    class Odd(Sqlite):
        asked = 0

        def select(self, question: Select) -> list[Series]:
            self.asked += 1
            raise ArithmeticError(question.measurement)

    store = closes(Odd(tmp_path / "readings.db"))
    wants = CanarySettings.model_construct(every=50)
    canary = Canary("c1", BrokerAddress("127.0.0.1", free_port()), store, wants, "1", lambda: None, Inner())
    canary.start()
    try:
        wait_for("two rounds", lambda: store.asked >= 2, 10)
        wait_for("its word", lambda: (canary.wrong or "").startswith("it breaks: ArithmeticError at "), 10)
    finally:
        canary.stop()
