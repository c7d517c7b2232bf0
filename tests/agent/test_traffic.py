"""Counting with a radar: no vehicle is counted twice or lost, and nobody's speed leaves the box alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.catalogue import load
from edge_agent.reading import Reading
from edge_agent.sensors.sensor import Sensor, counter_of
from edge_agent.sensors.tally import FEW
from edge_agent.sensors.traffic import Counter
from edge_agent.settings.config import Sensor as Settings
from edge_agent.settings.sensor import sensor_of
from firmware_stubs.models import MODELS
from firmware_stubs.road import Road, Vehicle
from measures.speed import percentile_from_histogram, percentile_kmh
from measures.vehicle_classes import SCHEMES, classified, missing_edges
from tests.sensors.streams import PROFILES
from wire.quantities import agent_fields
from wire.times import MINUTE_MS
from wire.traffic import LENGTH_CELLS, LENGTH_EDGES_CM, SPEED_CELLS

Values = dict[str, float | int]


def counter(**how: object) -> Counter:
    return Counter("radar-1", "p@1", "1", ("in", "out"), 60, **how)  # type: ignore[arg-type]


def pass_by(
    radar: Counter, at_ms: int, speed_kmh: float, reports: int = 5, length_m: float | None = None
) -> list[Reading]:
    """One vehicle: reports 200 ms apart, then a summary if it has a length."""
    for n in range(reports):
        radar.detect(at_ms + 200 * n, speed_kmh)
    if length_m is not None:
        radar.detect(at_ms + 200 * reports + 900, speed_kmh, length_m)
    return radar.tick(at_ms + 200 * reports + 2_500)


def rows(radar: Counter, until_ms: int, from_ms: int = 0) -> dict[str, list[Values]]:
    """What is told up to a time, by direction."""
    found: dict[str, list[Values]] = {}
    for now_ms in range(from_ms, until_ms + 1, MINUTE_MS):
        for reading in radar.tick(now_ms):
            found.setdefault(dict(reading.series.tags)["direction"], []).append(dict(reading.values))
    return found


def counted(model: str, passing: list[Vehicle], **how: Any) -> list[Reading]:
    """What a radar of this model tells of these, until a minute after the last."""
    sensor = sensor_of(load(), Settings(name="radar-1", profile=model, port="/dev/null", **how))
    stub = MODELS[model](Road(passing).targets)
    sensor.begin(0.0, 0.0)
    told: list[Reading] = []
    for step in range(int(20 * passing[-1].t_s) + 20 * 70):
        now_s = step / 20
        data = stub.tick(now_s)
        for ask in sensor.poller.due(now_s):
            data += stub.receive(ask.data)
        if data:
            sensor.feed(data, round(now_s * 1000), now_s)
        told += sensor.tick(round(now_s * 1000))
    return told


def histogram(values: Values, cells: tuple[str, ...] = SPEED_CELLS) -> list[int]:
    return [int(values.get(name, 0)) for name in cells]


@given(st.lists(st.tuples(st.floats(1, 240), st.booleans()), max_size=60))
def test_every_vehicle_is_in_the_cells_once_and_none_goes_alone(vehicles: list[tuple[float, bool]]) -> None:
    radar = counter()
    told = radar.tick(0)
    for n, (speed, inbound) in enumerate(vehicles):
        told += pass_by(radar, n * 7_000, speed if inbound else -speed)
    told += radar.tick(500 * MINUTE_MS)
    for direction, inbound in (("in", True), ("out", False)):
        own = [dict(r.values) for r in told if dict(r.series.tags)["direction"] == direction]
        passed = [round(speed, 2) for speed, is_in in vehicles if is_in == inbound]
        assert sum(row["count"] for row in own) == len(passed)
        sent = [histogram(row) for row in own]
        assert all(sum(cells) == 0 or sum(cells) >= FEW for cells in sent)
        total = [sum(column) for column in zip(*sent, strict=True)] or [0]
        assert len(passed) - FEW < sum(total) <= len(passed)
        if sum(total) == len(passed) and passed and max(passed) < 150:
            for percent in (15, 50, 85):
                exact, rough = percentile_kmh(passed, percent), percentile_from_histogram(total, percent)
                assert exact is not None
                assert rough is not None
                assert abs(exact - rough) < 5


def test_what_a_radar_tells_may_be_sent() -> None:
    radar = counter(one_way="in")
    radar.tick(0)
    for n in range(6):
        pass_by(radar, 5_000 * n, 40 + n, length_m=4.0 + 2 * n)
    (told,) = rows(radar, MINUTE_MS, MINUTE_MS)["in"]
    fields = agent_fields("traffic_flow")
    assert fields is not None
    assert all(type(value) is int or not fields[name] for name, value in told.items())
    assert told["count"] == 6
    assert told["heavy_count"] == 5
    assert {"v15_kmh", "v50_kmh", "v85_kmh", "wrong_way_count"} <= told.keys()
    assert sum(histogram(told, LENGTH_CELLS)) == 6


def test_few_vehicles_wait_for_company_also_over_a_restart() -> None:
    radar = counter()
    radar.tick(0)
    for n in range(3):
        pass_by(radar, 5_000 * n, 33)
    (first,) = rows(radar, MINUTE_MS, MINUTE_MS)["in"]
    assert first["count"] == 3
    assert not any(histogram(first))
    again = counter()
    again.restore(json.loads(json.dumps(radar.state())))
    for n in range(2):
        pass_by(again, MINUTE_MS + 5_000 * n, 48)
    (second,) = rows(again, 2 * MINUTE_MS, 2 * MINUTE_MS)["in"]
    assert second["count"] == 2
    assert {name: second[name] for name in SPEED_CELLS if name in second} == {
        "n_speed_030_kmh": 3,
        "n_speed_045_kmh": 2,
    }


def test_the_time_in_which_nobody_counted_is_in_no_flow() -> None:
    """Five in ten seconds are 1800 an hour; the interval told 300, as if all its 60 seconds had been watched."""
    radar = counter()
    radar.tick(0)
    for n in range(5):
        pass_by(radar, 1_500 * n, 33)
    radar.tick(10_000)
    soon, late = counter(), counter()
    soon.restore(json.loads(json.dumps(radar.state())))
    soon.tick(40_000)
    twice = counter()
    twice.restore(json.loads(json.dumps(soon.state())))
    twice.tick(45_000)
    late.restore(json.loads(json.dumps(radar.state())))
    late_ms = 40 * MINUTE_MS + 25_000
    told = {reading.series.tags[1][1]: reading for reading in late.tick(late_ms)}["in"]
    assert (told.time_ms, told.values["duration_s"], told.values["flow_vph"]) == (0, 10.0, 1800.0)
    (after, *_) = late.tick(41 * MINUTE_MS)
    assert (after.time_ms, after.values["duration_s"]) == (late_ms, 35.0)
    assert [one.tick(MINUTE_MS)[0].values["duration_s"] for one in (soon, twice)] == [30.0, 25.0]
    assert [one.tick(2 * MINUTE_MS)[0].values["duration_s"] for one in (soon, twice)] == [60.0, 60.0]


@pytest.mark.parametrize(("every_s", "lasts_s"), [(900, 898.0), (60, 720.0), (3600, 3598.0)])
def test_an_interval_whose_length_is_changed_meanwhile_has_the_flow_it_had(every_s: int, lasts_s: float) -> None:
    """With a minute instead of a quarter of an hour, twelve minutes' vehicles were told as those of one."""
    before = Counter("radar-1", "p@1", "1", ("in",), 900)
    before.tick(0)
    for second in range(1, 720, 6):
        for time_ms in (second * 1000, second * 1000 + 100):
            before.detect(time_ms, 50)
        before.tick(second * 1000 + 2_000)
    before.tick(720_000)
    after = Counter("radar-1", "p@1", "1", ("in",), every_s)
    after.restore(before.state())
    (told,) = after.tick(722_000) or after.tick(3_600_000)
    assert (told.time_ms, told.values["count"], told.values["duration_s"]) == (0, 120, lasts_s)
    assert told.values["flow_vph"] == pytest.approx(120 * 3600 / lasts_s, abs=0.01)


def test_a_street_that_is_made_one_way_has_all_its_vehicles() -> None:
    """Of a radar that had told speeds without a sign not one was told from then on: all were counted, and kept."""
    before = Counter("radar-1", "p@1", "1", ("in", "out"), 60, signed=False)
    before.tick(0)
    for time_ms in (1_000, 1_100):
        before.detect_unsigned(time_ms, 50)
    before.tick(10_000)
    after = Counter("radar-1", "p@1", "1", ("in", "out"), 60, "in", signed=False)
    after.restore(before.state())
    counted = []
    for minute in range(2):
        for time_ms in (20_000, 20_100, 30_000, 30_100):
            after.tick(minute * MINUTE_MS + time_ms - 1_000)
            after.detect_unsigned(minute * MINUTE_MS + time_ms, 50)
        told = after.tick((minute + 1) * MINUTE_MS)
        counted.append([(row.series.tags[1][1], row.values["count"]) for row in told])
    assert counted == [[("in", 2), ("any", 1)], [("in", 2)]]


@pytest.mark.parametrize(("mode", "heavy"), [("objects", 1), ("push", None)])
def test_what_another_mode_told_of_is_not_told_as_none(mode: str, heavy: int | None) -> None:
    """A radar that tells lengths no more said for ever that no lorry passed."""
    profile = PROFILES["omnipresense-ops243a"]

    def radar(mode: str) -> Sensor:
        return Sensor("radar-1", profile, counter_of(profile, "radar-1", "1", ("in",), 60), mode)

    before = radar("objects")
    assert isinstance(before.traffic, Counter)
    today_ms = 30_000_000 * MINUTE_MS
    before.tick(today_ms)
    before.traffic.detect(today_ms + 1_000, 50, 12.0)
    after = radar(mode)
    after.restore(json.loads(json.dumps(before.state())), today_ms + 2_000)
    (told,) = after.tick(today_ms + MINUTE_MS)
    assert (told.values["count"], told.values.get("heavy_count")) == (1, heavy)


def test_an_interval_of_an_older_agent_goes_on() -> None:
    radar = counter()
    radar.restore({"start_ms": 0, "speeds": {"in": [40.0, 50.0], "out": []}})
    told = rows(radar, MINUTE_MS, MINUTE_MS)
    assert told["in"][0]["count"] == 2
    assert told["out"][0]["count"] == 0


def test_a_speed_without_a_sign_is_counted_without_a_direction() -> None:
    radar = counter(signed=False)
    radar.tick(0)
    for at_ms, speed in ((10_000, 64.4), (20_000, 48.3)):
        for n in range(4):
            radar.detect_unsigned(at_ms + 200 * n, speed)
    radar.tick(30_000)
    told = rows(radar, MINUTE_MS, MINUTE_MS)
    assert told.keys() == {"any"}
    assert told["any"][0]["count"] == 2


def test_a_speed_without_a_sign_belongs_to_the_vehicle_in_the_beam() -> None:
    radar = counter()
    radar.tick(0)
    radar.detect_unsigned(1_000, 49)  # before its direction is told
    radar.detect(1_200, -50)
    radar.detect_unsigned(1_400, 51)
    radar.detect_unsigned(1_500, 90)  # another one
    radar.detect_unsigned(1_700, 91)
    radar.tick(5_000)
    told = rows(radar, MINUTE_MS, MINUTE_MS)
    assert [told[direction][0]["count"] for direction in ("in", "out", "any")] == [0, 1, 1]
    assert told["out"][0]["speed_tms_kmh"] == 50


def test_in_a_one_way_street_the_road_tells_the_direction() -> None:
    radar = counter(one_way="out")
    radar.tick(0)
    for n in range(3):
        radar.detect_unsigned(1_000 + 200 * n, 30)
    pass_by(radar, 10_000, 35)  # against it
    pass_by(radar, 20_000, 6)  # somebody on foot
    pass_by(radar, 30_000, -40)
    (told,) = rows(radar, MINUTE_MS, MINUTE_MS)["out"]
    assert (told["count"], told["wrong_way_count"]) == (2, 1)


@pytest.mark.parametrize("late_ms", [0, 900, 1_500, 2_900])
def test_a_summary_is_the_vehicle_that_was_reported_and_not_another(late_ms: int) -> None:
    radar = counter()
    radar.tick(0)
    for n in range(5):
        radar.detect(10_000 + 200 * n, 50)
    radar.tick(10_800 + late_ms)
    radar.detect(10_800 + late_ms, 51, 11.0)
    (told,) = rows(radar, MINUTE_MS, MINUTE_MS)["in"]
    assert (told["count"], told["heavy_count"]) == (1, 1)


@pytest.mark.parametrize("is_signed", [True, False])
def test_two_reports_with_nothing_between_them_are_no_vehicle(is_signed: bool) -> None:
    """A bit flipped twice in an empty street: 206 km/h, nothing, nothing, 206 km/h."""
    radar = counter()
    radar.tick(0)
    report = radar.detect if is_signed else radar.detect_unsigned
    report(10_000, 206.0)
    radar.see_nothing(10_250)
    report(10_750, 206.0)
    assert all(row["count"] == 0 for told in rows(radar, MINUTE_MS, MINUTE_MS).values() for row in told)


def test_an_empty_street_whose_bits_flip_stays_empty() -> None:
    """Frames of a radar without a checksum: twice 128 mph out of nothing, and nothing in between."""
    sensor = sensor_of(load(), Settings(name="radar-1", profile="mph-radar", port="/dev/null"))
    sensor.begin(0.0, 0.0)
    sensor.poller.due(0.0)
    for number, mph in enumerate([0, 128, 0, 0, 128, 0, 0]):
        sensor.feed(bytes((0x02, 0x14, 0, mph, 0, 0, 0x03)), 1_000 + 250 * number, 1 + number / 4)
    assert isinstance(sensor.traffic, Counter)
    assert all(row["count"] == 0 for told in rows(sensor.traffic, MINUTE_MS, MINUTE_MS).values() for row in told)


def test_a_vehicle_that_flickers_at_the_edge_of_the_beam_is_one() -> None:
    radar = counter()
    radar.tick(0)
    for time_ms in range(10_000, 11_501, 250):
        if time_ms in (10_250, 11_000):
            radar.see_nothing(time_ms)
        else:
            radar.detect(time_ms, 50.0)
    (told,) = rows(radar, MINUTE_MS, MINUTE_MS)["in"]
    assert told["count"] == 1


def test_a_radar_of_summaries_alone_counts_by_them() -> None:
    radar = counter()
    radar.tick(0)
    radar.detect(10_000, -48.2, 9.86)
    radar.detect(10_300, -47.0, 4.1)
    (told,) = rows(radar, MINUTE_MS, MINUTE_MS)["out"]
    assert (told["count"], told["heavy_count"]) == (2, 1)


@pytest.mark.parametrize(
    ("model", "options", "mode", "directions"),
    [
        ("omnipresense-ops243a", {}, "objects", {"in": 8, "out": 8}),
        ("omnipresense-ops243a", {}, "push", {"in": 8, "out": 8}),
        ("mph-radar", {}, None, {"any": 16}),
        ("hikvision-csr", {}, None, {"in": 8, "out": 8}),
        ("agd-315", {}, None, {"in": 8, "out": 8}),
    ],
)
def test_a_radars_bytes_become_counts(
    model: str, options: dict[str, int | float | str | bool], mode: str | None, directions: dict[str, int]
) -> None:
    passing = [Vehicle(10.0 + 12 * n, 50.0 if n % 2 else -50.0, 10.5 if n % 4 == 0 else 4.4) for n in range(16)]
    told: dict[str, int] = {}
    heavy = 0
    for reading in counted(model, passing, options=options, mode=mode):
        direction = dict(reading.series.tags)["direction"]
        told[direction] = told.get(direction, 0) + int(reading.values["count"])
        heavy += int(reading.values.get("heavy_count", 0))
    assert {direction: count for direction, count in told.items() if count} == directions
    assert heavy == (4 if mode == "objects" else 0)
    assert PROFILES[model].kind == "detection"


@pytest.mark.parametrize("every_s", [4.0, 2.5])
@pytest.mark.parametrize("speed_kmh", [60.0, 40.0, -40.0])
@pytest.mark.parametrize("model", ["hilink-ld2451", "agd-315"])
def test_vehicles_that_are_in_the_beam_together_are_parted_by_their_distance(
    model: str, speed_kmh: float, every_s: float
) -> None:
    """On a busy road the beam is never empty for a second: as long as that lasted no vehicle was counted."""
    passing = [Vehicle(20.0 + every_s * n, speed_kmh) for n in range(30)]
    assert sum(int(told.values["count"]) for told in counted(model, passing)) == 30


@pytest.mark.parametrize("model", ["hilink-ld2415h", "hikvision-csr", "mph-radar", "omnipresense-ops243a"])
def test_of_a_stream_of_speeds_that_never_ends_some_are_counted_and_never_too_many(model: str) -> None:
    passing = [Vehicle(20.0 + 4 * n, 40.0) for n in range(30)]
    assert 30 * 44 / 250 < sum(int(told.values["count"]) for told in counted(model, passing)) <= 30


def test_a_beam_that_is_never_empty_is_known_and_one_that_is_again_too() -> None:
    """Nobody at the box could see that a radar took a stream of vehicles for one every 200 m."""
    radar = counter()
    for at_ms in range(0, MINUTE_MS, 200):
        radar.detect(at_ms, 40.0)
        radar.tick(at_ms)
    assert not radar.crowded
    radar.tick(MINUTE_MS)
    assert radar.crowded
    for n in range(5):
        pass_by(radar, MINUTE_MS + 2_000 + 10_000 * n, 40.0)
    radar.tick(2 * MINUTE_MS)
    assert not radar.crowded


def test_a_bus_that_is_seen_at_its_front_and_its_rear_is_one() -> None:
    radar = counter()
    radar.tick(0)
    for n in range(20):
        for behind_m in (0.0, 9.0):
            radar.detect(10_000 + 100 * n, 40.0, range_m=40 - 1.11 * n + behind_m)
    (told,) = rows(radar, MINUTE_MS, MINUTE_MS)["in"]
    assert told["count"] == 1


def test_every_boundary_of_a_class_is_the_edge_of_a_cell() -> None:
    edges = [edge / 100 for edge in LENGTH_EDGES_CM]
    assert not missing_edges(edges)
    cells = dict.fromkeys(edges, 1)
    assert classified(cells, "cn") == {"mini": 2, "small": 1, "medium": 2, "large": 2}
    assert classified(cells, "fhwa") == {"motorcycle": 1, "short": 3, "medium": 2, "long": 1}
    assert classified(cells, "tls") == {"car-like": 3, "lorry-like": 4}
    assert all(classes[0].from_m == 0 for classes in SCHEMES.values())


def test_the_angle_between_beam_and_path_is_made_good() -> None:
    """A lorry of 10.2 m at 80 km/h, seen under 30°: a radar tells 69.28 km/h and 8.83 m."""
    sensor = Settings(name="radar-1", profile="omnipresense-ops243a", port="/dev/null", angle_deg=30)
    radar = sensor_of(load(), sensor).traffic
    assert isinstance(radar, Counter)
    radar.tick(0)
    pass_by(radar, 1_000, 69.282, length_m=8.8335)
    for n in range(3):
        radar.detect_unsigned(20_000 + 200 * n, 34.641)
    told = rows(radar, MINUTE_MS, MINUTE_MS)
    assert (told["in"][0]["speed_tms_kmh"], told["in"][0]["heavy_count"]) == (80.0, 1)
    assert told["any"][0]["speed_tms_kmh"] == 40.0
    with pytest.raises(ValueError, match="less than or equal to 60"):
        Settings(name="radar-1", profile="omnipresense-ops243a", port="/dev/null", angle_deg=90)
