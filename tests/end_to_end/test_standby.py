"""Two real collectors on one broker: one works; kill -9 or a hang hands over, and nothing is lost or doubled."""

from __future__ import annotations

import json
import signal
import time

import pytest
from paho.mqtt import publish

from benchmarks.traffic import Sender
from firmware_stubs.plantower import Pms5003
from tests.rig import Rig
from tests.servers import free_port, wait_for
from tests.typed import typed
from wire import names

pytestmark = pytest.mark.real


class Pair:
    """Two collectors and an agent, all running; c1 works."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.first, self.second = rig.collector("c1"), rig.collector("c2", web={"port": free_port()})
        self.agent = rig.agent("lp-1", {"air-1": ("plantower-pms5003", Pms5003(period_s=0.2))})
        self.first.start()
        wait_for("c1 to work", lambda: self.states() == {"c1": "active"})
        self.second.start()
        self.agent.start()
        rig.stubs.start()
        wait_for("c2 to stand by", lambda: self.states() == {"c1": "active", "c2": "standby"})
        self.wait_for_readings()

    def states(self) -> dict[str, str]:
        """What `lamppost collector status` sees."""
        done = typed("collector", "status", self.first.command[-1], "--json")
        return {one["name"]: one["state"] for one in json.loads(done.stdout)["collectors"]} if done.stdout else {}

    def wait_for_readings(self) -> None:
        before = self.rig.count("air_quality")
        wait_for("readings", lambda: self.rig.count("air_quality") > before + 5)

    def all_is_there(self) -> None:
        """Nothing lost, nothing doubled."""
        self.rig.stubs.remove("lp-1/air-1")
        wait_for("all to be stored", lambda: self.rig.status("lp-1").get("waiting_rows") == 0, timeout_s=60)
        self.agent.stop()
        assert self.rig.count("air_quality", node="lp-1") == self.rig.status("lp-1")["accepted"]
        audit = typed("audit", "--config", self.first.command[-1])
        assert audit.returncode == 0, audit.stdout


@pytest.fixture
def pair(rig: Rig) -> Pair:
    return Pair(rig)


def test_a_standby_takes_over_from_a_killed_collector(pair: Pair) -> None:
    killed_s = time.monotonic()
    pair.first.kill()
    wait_for("c2 to take over", lambda: pair.states() == {"c1": "offline", "c2": "active"})
    pair.wait_for_readings()
    assert time.monotonic() - killed_s < 12, "agents are greeted: they need not wait for their timers"
    pair.first.start()
    wait_for("c1 to stand by", lambda: pair.states() == {"c1": "standby", "c2": "active"})
    pair.all_is_there()


@pytest.mark.long
def test_a_standby_takes_over_from_a_hung_collector(pair: Pair) -> None:
    assert pair.first.process is not None
    pair.first.process.send_signal(signal.SIGSTOP)
    try:
        wait_for("c2 to take over", lambda: pair.states().get("c2") == "active", timeout_s=25)
        pair.wait_for_readings()
    finally:
        pair.first.process.send_signal(signal.SIGCONT)
    wait_for("c1 to give way", lambda: pair.states() == {"c1": "standby", "c2": "active"})
    pair.all_is_there()


@pytest.mark.long
def test_while_the_database_hangs_the_collector_that_works_goes_on(pair: Pair) -> None:
    """Nobody else could do better. Old hours are due meanwhile, stations announce themselves, an alert begins."""
    assert pair.rig.database.process is not None
    now_ms, port = round(time.time() * 1000), pair.rig.broker.port
    backlog = [Sender(number, now_ms - 5 * 3_600_000) for number in range(20)]
    publish.multiple([(names.status(each.node), each.birth(), 1, True) for each in backlog], port=port)
    publish.multiple([(names.data(each.node), each.batch(), 1, False) for each in backlog], port=port)
    wait_for("the backlog", lambda: pair.rig.count("air_quality", site=backlog[0].site) > 0)
    pair.rig.database.process.send_signal(signal.SIGSTOP)
    try:
        new = [Sender(number, now_ms) for number in range(100, 110)]
        began_s = time.monotonic()
        while (for_s := time.monotonic() - began_s) < 60:
            assert pair.states() == {"c1": "active", "c2": "standby"}
            if for_s > 8:  # a question asked before a write has waited for three seconds would hang with the database
                publish.multiple([(names.status(each.node), each.birth(), 1, True) for each in new], port=port)
    finally:
        pair.rig.database.process.send_signal(signal.SIGCONT)
    pair.wait_for_readings()
    pair.all_is_there()
