"""Bytes in at the pseudo-terminal, the same numbers out of InfluxDB, for each of the first three sensors."""

from __future__ import annotations

import pytest

from firmware_stubs.nova import Sds011
from firmware_stubs.omnipresense import Ops243
from firmware_stubs.plantower import Pms5003
from firmware_stubs.road import Road, Vehicle
from tests.rig import Rig
from tests.servers import wait_for

pytestmark = pytest.mark.real


def wave(t_s: float) -> dict[str, float]:
    """Never the same twice in a row, with a zero in it; all zeros would be a sensor that warms up."""
    step = int(t_s * 7) % 40
    return {"pm1_ugm3": 3.0 * step, "pm25_ugm3": 5.0 * step, "pm10_ugm3": 7.0 * step + 3}


def test_what_air_sensors_said_is_what_influxdb_answers(rig: Rig) -> None:
    sensors = {"air-1": ("plantower-pms5003", Pms5003(wave)), "air-2": ("nova-sds011", Sds011(wave))}
    rig.collector().start()
    rig.wait_for_page()
    agent = rig.agent("lp-1", sensors)
    rig.stubs.start()
    agent.start()
    wait_for(
        "20 readings of each in InfluxDB",
        lambda: all(rig.count("air_quality", sensor=sensor) >= 20 for sensor in sensors),
        60,
    )
    assert agent.stop() == 0
    for sensor in sensors:
        names = sorted(rig.truth["lp-1", sensor][0][0])
        sent = [[row[name] for name in names] for (row,) in rig.truth["lp-1", sensor]]
        stored = [row[1:] for row in rig.rows("air_quality", *names, node="lp-1", sensor=sensor)]
        start = sent.index(stored[0])  # the stub spoke before the agent listened
        assert sent[start : start + len(stored)] == stored
    assert rig.status("lp-1")["accepted"] == rig.count("air_quality")


def test_vehicles_before_the_radar_are_counted_in_influxdb(rig: Rig) -> None:
    rig.collector().start()
    rig.wait_for_page()
    road = Road()
    agent = rig.agent("lp-1", {"radar-1": ("omnipresense-ops243a", Ops243(lambda t: road.targets(t)[:1]))})
    agent.start()
    wait_for("the agent's connection", lambda: rig.status("lp-1").get("connected_s") is not None)
    rig.stubs.start()
    wait_for("the radar's settings", lambda: rig.stubs.port("lp-1/radar-1").stub.t_s > 0)
    start_s = rig.stubs.port("lp-1/radar-1").stub.t_s
    speeds = [36.0, -54.0, 72.0, -36.0, 50.0]
    for number, speed in enumerate(speeds):
        road.add(Vehicle(start_s + 8 + 7 * number, speed))

    def counted(direction: str) -> int:
        return sum(row[1] for row in rig.rows("traffic_flow", "count", direction=direction))

    wait_for("five vehicles in InfluxDB", lambda: counted("in") + counted("out") == len(speeds), 90)
    assert agent.stop() == 0
    assert (counted("in"), counted("out")) == (3, 2)
    rows = rig.rows("traffic_flow", "count", "speed_tms_kmh", "duration_s", direction="in")
    means = [row[2] for row in rows if row[1] == 1]
    assert means == pytest.approx([36.0, 72.0, 50.0], abs=0.2)
    assert any(row[1] == 0 for row in rows), "an interval without vehicles is a zero, not a hole"
