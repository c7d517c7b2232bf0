"""Garbage on the line, hostile messages, a wrong password, no database: counted, and the next good input handled."""

from __future__ import annotations

from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from collector.stores.influx1 import Influx1
from collector.stores.store import Held, Later, Stored
from firmware_stubs.faults import parse
from firmware_stubs.faulty import Faulty
from firmware_stubs.plantower import Pms5003
from tests.rig import Rig
from tests.servers import Influxd, free_port, wait_for

pytestmark = pytest.mark.real


def test_good_readings_arrive_whole_among_garbage_and_hostile_messages(rig: Rig) -> None:
    rig.collector().start()
    rig.wait_for_page()
    agent = rig.agent("lp-1", {"air-1": ("plantower-pms5003", Pms5003(period_s=0.05))})
    faults = [parse(text) for text in ("garbage:40@0.05", "truncate@0.05", "bitflip@0.05")]
    rig.stubs.port("lp-1/air-1").stub.faulty = Faulty(7, faults)
    rig.stubs.start()
    agent.start()
    wait_for("the agent's connection", lambda: rig.status("lp-1").get("connected_s") is not None)
    hostile = paho.Client(CallbackAPIVersion.VERSION2, "stranger", protocol=paho.MQTTv5)
    hostile.connect("127.0.0.1", rig.broker.port)
    hostile.loop_start()
    for payload in (b"", b"{", b"[" * 100_000, b"\x1f\x8b" + b"\x00" * 100, b"x" * 300_000):
        for channel in ("data", "status", "ack"):
            hostile.publish(f"lamppost/1/lp-1/{channel}", payload, 1)
    hostile.publish("lamppost/1//data", b"{}", 1)
    hostile.publish("lamppost/1/UPPER/data", b"{}", 1)
    wait_for("200 readings in the database", lambda: rig.count("air_quality") >= 200, 60)
    hostile.loop_stop()
    assert agent.stop() == 0
    said = rig.status("lp-1")
    assert rig.count("air_quality") == said["accepted"]
    assert sum(said["sensors"][0]["bad"].values()) > 0
    assert said["counts"]["ack_bad_signature"] >= 4
    assert all(program.running() for program in rig.programs[:1]), "the collector is still there"


def test_a_wrong_password_and_a_missing_server_hold_everything(tmp_path: Path) -> None:
    class Guarded(Influxd):
        extra = "auth-enabled = true"

    server = Guarded(tmp_path / "influxd")
    server.start()
    try:
        admin = Influx1(server.url, "lamppost")
        admin._asker.ask("CREATE USER a WITH PASSWORD 'right' WITH ALL PRIVILEGES", post=True)
        assert isinstance(Influx1(server.url, "lamppost", "a", "wrong").prepare(), Held)
        assert Influx1(server.url, "lamppost", "a", "right").prepare() == Stored()
    finally:
        server.stop()
    assert isinstance(Influx1(f"http://127.0.0.1:{free_port()}", "lamppost").prepare(), Later)
