"""Vehicles counted by a ranger: passing ones, flicker, boundaries, what stays."""

from __future__ import annotations

import pytest

from device_profiles import catalogue
from edge_agent.sensors.checksums import CHECKSUMS
from edge_agent.sensors.presence import Presence
from edge_agent.sensors.sensor import Sensor, counter_of
from edge_agent.sensors.traffic import Counter
from edge_agent.settings.config import Sensor as Settings
from edge_agent.settings.sensor import sensor_of
from firmware_stubs.models import MODELS
from firmware_stubs.road import Road, Vehicle

EMPTY_M, ROOF_M = 5.0, 3.5


def run(
    spans: list[tuple[float, float]], seconds: float = 60.0, rate_hz: float = 50.0
) -> tuple[dict[str, float], Presence]:
    """The first interval of a minute in which something stands below from one time to another."""
    eye = Presence("lidar-1", "benewake-tfmini@1", "1", ("in", "out"), 60)
    eye.tick(0)
    for step in range(int(seconds * rate_hz)):
        t_s = step / rate_hz
        eye.detect(round(t_s * 1000), ROOF_M if any(a <= t_s < b for a, b in spans) else EMPTY_M)
    return eye.tick(60_000)[0].values, eye


def test_each_vehicle_counts_once_and_its_time_is_occupancy() -> None:
    values, _ = run([(10, 10.5), (20, 20.4), (30, 33)])
    assert values["count"] == 3
    assert values["flow_vph"] == 180
    assert values["occupancy_ratio"] == pytest.approx(3.9 / 60, abs=0.002)


def test_an_empty_lane_is_zero_and_not_missing() -> None:
    values, _ = run([])
    assert (values["count"], values["occupancy_ratio"]) == (0, 0)


def test_a_flicker_is_nothing_and_a_gap_in_the_roof_is_one_vehicle() -> None:
    assert run([(10, 10.02)])[0]["count"] == 0
    assert run([(10, 10.4), (10.5, 11.0)])[0]["count"] == 1


def test_one_that_stands_over_the_boundary_counts_once_and_covers_both() -> None:
    values, eye = run([(50, 70)], seconds=80)
    assert values["count"] == 1
    later = eye.tick(120_000)[0].values
    assert later["count"] == 0
    assert values["occupancy_ratio"] + later["occupancy_ratio"] == pytest.approx(20 / 60, abs=0.01)


@pytest.mark.parametrize("rate_hz", [2, 10, 100])
def test_a_moment_of_something_farther_makes_no_vehicle_of_the_lane(rate_hz: int) -> None:
    eye = Presence("lidar-1", "p@1", "1", ("in",), 60)
    eye.tick(0)
    for step in range(60 * rate_hz):
        t_s = step / rate_hz
        eye.detect(round(t_s * 1000), 11.0 if 20 <= t_s < 21 else EMPTY_M)
    values = eye.tick(60_000)[0].values
    assert (values["count"], values["occupancy_ratio"]) == (0, 0)


def test_a_ranger_without_an_echo_sees_no_vehicle() -> None:
    """HRXL datasheet: 5000 or 9999, by model, is no target."""
    profile = catalogue.load().get("maxbotix-hrxl")
    eye = Sensor("eye-1", profile, counter_of(profile, "eye-1", "1", ("in",), 60))
    eye.begin(0.0, 0.0)
    eye.poller.due(0.0)
    told = []
    for step in range(500):
        eye.feed(b"R9999\r" if 100 <= step < 120 else b"R4000\r", step * 133, step * 0.133)
        told += eye.tick(step * 133)
    assert (told[0].values["count"], told[0].values["occupancy_ratio"]) == (0, 0)


@pytest.mark.parametrize("interval_s", [20, 60, 300])
def test_what_stays_becomes_the_background_however_short_the_interval(interval_s: int) -> None:
    eye = Presence("lidar-1", "p@1", "1", ("in",), interval_s)
    told = []
    for step in range(0, 1_200_000, 100):
        told += eye.tick(step)
        eye.detect(step, EMPTY_M if step < 60_000 else ROOF_M if step < 900_000 else ROOF_M - 1.0)
        if step == 900_000 - 100:
            assert eye._background_m == ROOF_M
    told += eye.tick(1_200_000)
    values = [reading.values for reading in told]
    assert sum(one["count"] for one in values) == 2
    covered_s = sum(one["occupancy_ratio"] * one["duration_s"] for one in values)
    assert covered_s == pytest.approx(2 * 180, abs=1), "each covers the lane until it is the background"


def test_the_open_interval_survives_a_restart_and_a_set_clock() -> None:
    again = Presence("lidar-1", "p@1", "1", ("in",), 60)
    eye = Presence("lidar-1", "p@1", "1", ("in",), 60)
    eye.tick(0)
    for step in range(0, 30_000, 20):
        eye.detect(step, ROOF_M if 10_000 <= step < 11_000 else EMPTY_M)
    again.restore(eye.state())
    again.shift(3_600_000)
    assert again.tick(3_660_000)[0].values["count"] == 1


def eyed(name: str, spans: list[tuple[float, bytes]], **options: int | float | str | bool) -> dict[str, float]:
    """The minute's traffic of a sensor whose frames, given by the seconds they last, come fifty times a second."""
    sensor = sensor_of(catalogue.load(), Settings(name="eye-1", profile=name, port="/dev/null", options=options))
    sensor.begin(0.0, 0.0)
    sensor.poller.due(0.0)
    sensor.tick(0)
    step = 0
    for seconds, frame in spans:
        for _ in range(int(seconds * 50)):
            sensor.feed(frame, step * 20, step / 50)
            step += 1
    assert not sensor.bad
    return sensor.tick(60_000)[0].values


def lidar(distance_cm: int, strength: int = 500) -> bytes:
    data = b"YY" + distance_cm.to_bytes(2, "little") + strength.to_bytes(2, "little") + b"\x40\x09"
    return data + CHECKSUMS["sum8"](data)


@pytest.mark.parametrize("between", [lidar(0, 50), lidar(0xFFFF), lidar(480, 50), b""])
def test_two_vehicles_with_a_blind_eye_between_them_are_two(between: bytes) -> None:
    values = eyed(
        "benewake-tfmini", [(5, lidar(500)), (1, lidar(350)), (10, between), (1, lidar(350)), (5, lidar(500))]
    )
    assert values["count"] == 2
    assert values["occupancy_ratio"] == pytest.approx(2 / 60, abs=0.002)


def test_a_weak_signal_in_the_middle_of_a_roof_parts_nothing() -> None:
    values = eyed("benewake-tfmini", [(5, lidar(500)), (1, lidar(350)), (1, lidar(350, 50)), (1, lidar(350))])
    assert values["count"] == 1
    assert values["occupancy_ratio"] == pytest.approx(3 / 60, abs=0.002)


def test_nothing_in_reach_is_an_empty_lane() -> None:
    near, far, none = (b"\xff" + mm.to_bytes(2, "big") for mm in (1500, 3000, 0xFFFD))
    spans = [(5, far), (0.4, near), (0.3, none), (0.4, near), (1, none)]
    values = eyed("ultrasonic-ff", [(seconds, data + CHECKSUMS["sum8"](data)) for seconds, data in spans])
    assert values["count"] == 2
    assert values["occupancy_ratio"] == pytest.approx(0.8 / 60, abs=0.002)


def test_an_eye_that_is_asked_seldom_still_sees_who_stands_there() -> None:
    eye = Presence("lidar-1", "p@1", "1", ("in",), 60)
    eye.tick(0)
    for t_s in range(0, 60, 5):
        eye.detect(t_s * 1000, ROOF_M if 20 <= t_s < 45 else EMPTY_M)
    values = eye.tick(60_000)[0].values
    assert (values["count"], values["occupancy_ratio"]) == (1, pytest.approx(20 / 60, abs=0.001))


@pytest.mark.parametrize(
    ("model", "mode", "speed_kmh"),
    [("benewake-tfmini", "push", 80.0), ("benewake-tfmini", "triggered", 80.0), ("ultrasonic-ff", "push", 60.0),
     ("ultrasonic-ff", "polled", 30.0), ("maxbotix-hrxl", "push", 60.0)],
)  # fmt: skip
def test_an_eye_counts_what_drives_as_fast_as_it_can_see(model: str, mode: str, speed_kmh: float) -> None:
    """Three reports were wanted of each vehicle: an eye that tells ten a second has two of a car at 60 km/h."""
    assert passed_below(model, mode, speed_kmh, empty_m=4.0) == 30


@pytest.mark.parametrize(("model", "nothing_m"), [("maxbotix-hrxl", 9.999), ("ultrasonic-ff", 65.533)])
def test_over_a_lane_that_is_out_of_reach_all_that_is_seen_is_a_vehicle(model: str, nothing_m: float) -> None:
    """The first vehicle was the background, and none after it was nearer."""
    assert passed_below(model, "push", 30.0, empty_m=nothing_m) >= 25


def passed_below(model: str, mode: str, speed_kmh: float, empty_m: float) -> int:
    """How many of thirty cars, six seconds one after the other, an eye above the lane counts."""
    road = Road([Vehicle(10 + 6.013 * n, speed_kmh) for n in range(30)])
    how = {"triggered": True} if mode == "polled" else {}
    stub = MODELS[model](lambda t_s: {"range_m": 2.5 if road.covered(t_s) else empty_m}, **how)
    sensor = sensor_of(catalogue.load(), Settings(name="eye-1", profile=model, port="/dev/null", mode=mode))
    sensor.begin(0.0, 0.0)
    count = 0
    for step in range(26_000):
        now_s, now_ms = step / 100, step * 10
        data = stub.tick(now_s)
        for ask in sensor.poller.due(now_s):
            data += stub.receive(ask.data)
        if data:
            sensor.feed(data, now_ms, now_s)
        count += sum(int(reading.values["count"]) for reading in sensor.tick(now_ms))
    return count


@pytest.mark.parametrize(
    ("name", "kind"),
    [("benewake-tfmini", Presence), ("ultrasonic-ff", Presence), ("maxbotix-hrxl", Presence),
     ("omnipresense-ops243a", Counter), ("hilink-ld2451", Counter), ("mph-radar", Counter)],
)  # fmt: skip
def test_who_tells_only_a_distance_counts_by_it(name: str, kind: type) -> None:
    assert isinstance(counter_of(catalogue.load().get(name), "s", "1", ("in",), 60), kind)
