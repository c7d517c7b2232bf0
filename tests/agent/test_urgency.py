"""What is urgent is sealed at once, once, and a sensor that flaps cannot make every second urgent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.strict_model import fit
from common.strict_yaml import NotUsable, parse
from device_profiles.catalogue import load
from edge_agent.hours import Hours
from edge_agent.reading import Reading, Series
from edge_agent.recorder import Now, Recorder
from edge_agent.sensors.sensor import Sensor
from edge_agent.settings.config import Config
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Sealed, Spool
from edge_agent.urgency import BURST, REFILL_S, Urgency
from wire.times import HOUR_MS

UTC = 1_790_000_000_000
AIR = Series("air-1", "air_quality")
LEVELS = {"pm25_raw_ugm3": "> 150", "speed_tms_kmh": "< 20"}


def air(time_ms: int, value: float, sensor: str = "air-1") -> Reading:
    return Reading(AIR._replace(sensor=sensor), time_ms, {"pm25_raw_ugm3": value, "pm10_raw_ugm3": 999})


def seen(urgency: Urgency, *readings: Reading) -> bool:
    urgency.see(readings)
    due = urgency.due
    urgency.done()
    return due


def test_a_value_is_urgent_when_it_goes_beyond_its_level_and_not_while_it_stays_or_returns() -> None:
    urgency = Urgency(LEVELS)
    values = [0, 150, 151, 400, 200, 150, 0, 151]
    assert [seen(urgency, air(UTC + 1000 * n, value)) for n, value in enumerate(values)] == [
        False, False, True, False, False, False, False, True,
    ]  # fmt: skip
    assert (urgency.sealed, urgency.held.total()) == (2, 0)


def test_each_series_and_each_side_is_judged_alone() -> None:
    urgency = Urgency(LEVELS)
    inbound, outbound = (
        Series("radar-1", "traffic_flow", (("lane", "1"), ("direction", direction))) for direction in ("in", "out")
    )
    assert seen(urgency, Reading(inbound, UTC, {"count": 4, "speed_tms_kmh": 12.5}))
    assert not seen(urgency, Reading(inbound, UTC + 60_000, {"count": 3, "speed_tms_kmh": 13.5}))
    assert seen(urgency, Reading(outbound, UTC + 60_000, {"count": 3, "speed_tms_kmh": 0.0}))
    assert not seen(urgency, Reading(outbound, UTC + 120_000, {"count": 0}))  # nobody came: no speed, no news


@given(st.lists(st.tuples(st.integers(1, 5_000), st.integers(140, 160)), max_size=300))
def test_a_flapping_sensor_is_bounded_and_whatever_had_to_wait_is_counted(steps: list[tuple[int, int]]) -> None:
    urgency, now_ms, edges, before = Urgency(LEVELS), UTC, 0, 0
    for wait_ms, value in steps:
        now_ms += wait_ms
        seen(urgency, air(now_ms, value))
        edges += value > 150 >= before
        before = value
    assert urgency.sealed <= BURST + (now_ms - UTC) / 1000 / REFILL_S
    assert urgency.sealed + urgency.held["air-1"] == edges


def test_a_sensor_may_hurry_five_times_at_once_and_once_more_a_minute() -> None:
    urgency = Urgency(LEVELS)
    hurried = []
    for second in (0, 1, 2, 3, 4, 5, 59, 61, 62, 119, 121):
        hurried.append(seen(urgency, air(UTC + 1000 * second, 200)))
        seen(urgency, air(UTC + 1000 * second, 0))
    assert hurried == [True] * 5 + [False, False, True, False, False, True]


def test_what_becomes_urgent_together_costs_one_batch() -> None:
    urgency = Urgency(LEVELS | {"pm10_raw_ugm3": "> 500"})
    for second in range(BURST):
        assert seen(urgency, air(UTC + 2000 * second, 200), air(UTC + 2000 * second, 200, "air-2"))
        assert not seen(urgency, Reading(AIR, UTC + 2000 * second + 1000, {"pm25_raw_ugm3": 0, "pm10_raw_ugm3": 0}),
                        air(UTC + 2000 * second + 1000, 0, "air-2"))  # fmt: skip
    assert (urgency.sealed, urgency.held.total()) == (BURST, 0)


def test_one_that_flaps_takes_nothing_from_the_others() -> None:
    urgency = Urgency(LEVELS)
    for second in range(100):
        seen(urgency, air(UTC + 500 * second, 200 if second % 2 else 0))
    assert urgency.held["air-1"] > 0
    assert seen(urgency, air(UTC + 50_000, 200, "air-2"))
    for _ in range(2):
        assert not seen(urgency, air(UTC + 50_001, 0))
        assert not seen(urgency, air(UTC + 50_002, 200))
    assert not seen(urgency, air(UTC + 50_003, 0))
    assert seen(urgency, air(UTC + 51_000 + round(REFILL_S * 1000), 200))


def recorder(spool: Spool, sensors: list[Sensor]) -> Recorder:
    made = Recorder("lp-1", "s", "b" * 32, sensors, lambda: spool, Urgency(LEVELS))
    made.timeline.observe(0, UTC, True)
    return made


def at(made: Recorder, second: int, value: float | None, seal: str = "urgent") -> list[Sealed]:
    """One second of a recorder's life."""
    now = Now(1000 * second, UTC + 1000 * second, True)
    if value is not None:
        made.keep([air(made.stamp(now), value)])
    return made.commit(now, seal=seal)  # type: ignore[arg-type]


def test_an_urgent_commit_seals_all_that_waits_in_one_transaction(spool: Spool) -> None:
    made = recorder(spool, [])
    assert [at(made, second, 20) for second in range(3)] == [[], [], []]
    (batch,) = at(made, 3, 200)
    assert [row.time_ms for row in readings_of(batch.data)[0] if row.series == AIR] == [
        UTC + 1000 * n for n in range(4)
    ]
    assert at(made, 4, 200) == []
    assert len(at(made, 5, 200, "all")) == 1
    assert (made.accepted, made.spool.depth().batches) == (6, 2)


def test_what_is_urgent_while_nobody_answers_is_sealed_as_soon_as_somebody_does(spool: Spool) -> None:
    made = recorder(spool, [])
    assert at(made, 0, 200, "no") == []
    assert len(at(made, 1, 200)) == 1


def test_a_sensor_that_falls_silent_or_calls_itself_faulty_is_told_at_once(spool: Spool) -> None:
    sensor = Sensor("air-1", load(None).get("plantower-pms5003"))
    made = recorder(spool, [sensor])
    assert at(made, 0, None) == []  # one that has never spoken is no change
    sensor.last_frame_ms = UTC
    silence_s = round(sensor.profile.silence_s)
    assert [len(at(made, second, None)) for second in range(1, silence_s + 4)] == [0] * silence_s + [1, 0, 0]
    (batch,) = made.spool.oldest(9)
    (told,) = [row for row in readings_of(batch.data)[0] if row.time_ms > UTC + 1000 * silence_s]
    assert (told.series.sensor, told.series.kind) == ("air-1", "sensor_ledger")
    assert told.values["silent_s"] == 1.0
    sensor.last_frame_ms = UTC + 30_000
    sensor.doubt = "warming_up"
    assert at(made, 30, None) == []
    sensor.doubt = "error"
    assert len(at(made, 31, None)) == 1


@pytest.mark.parametrize("set_by_ms", [HOUR_MS, -HOUR_MS, UTC])
def test_a_sensor_is_silent_for_as_long_as_it_is_however_the_clock_is_set(spool: Spool, set_by_ms: int) -> None:
    """A clock that leapt an hour ahead made every slow sensor fail, and one that was set back let it die unheard."""
    sensor = Sensor("air-1", load(None).get("plantower-pms5003"))
    made = Recorder("lp-1", "s", "b" * 32, [sensor], lambda: spool, Urgency(LEVELS))
    silence_s = round(sensor.profile.silence_s)

    def commit(second: int) -> bool:
        clock_ms = second * 1000 + (0 if set_by_ms == UTC else UTC) + (set_by_ms if second >= 5 else 0)
        now = Now(second * 1000, clock_ms, second >= 5 or set_by_ms != UTC)
        if second == 1:
            sensor.last_frame_ms = made.stamp(now)
        made.commit(now, seal="urgent")
        return made.urgency is not None and made.urgency.sealed > 0

    assert [commit(second) for second in range(silence_s + 4)] == [False] * (silence_s + 2) + [True] * 2
    (batch,) = spool.newest(1)
    told = [row.values["silent_s"] for row in readings_of(batch.data)[0] if row.series.kind == "sensor_ledger"]
    assert max(told) == 1.0


def test_an_account_out_of_turn_never_takes_the_last_moments_of_an_hour() -> None:
    hours = Hours()
    hours.accept("air-1", 3, UTC // HOUR_MS * HOUR_MS)
    start_ms = UTC // HOUR_MS * HOUR_MS
    assert [row.values["accepted"] for row in hours.tell("air-1", start_ms + 5_000)] == [3]
    assert hours.tell("air-1", start_ms + HOUR_MS - 2) == []
    assert hours.tell("air-1", start_ms + HOUR_MS + 5_000) == []
    assert hours.tell("air-2", start_ms + 5_000) == []


@pytest.mark.parametrize(
    ("urgent", "said"),
    [
        ('{pm25_ugm3: "> 5"}', "did you mean 'pm25_raw_ugm3'?"),
        ('{no2_ugm3: "> 5"}', "did you mean 'no2_raw_ppb'?"),
        ('{speed_tms_kmph: "> 5"}', "did you mean 'speed_tms_kmh'?"),
        ('{speed_kmh: "> 5"}', "'speed_kmh' is not measured here"),
        ('{count: "about 5"}', "is not a level, write one such as"),
    ],
)
def test_a_level_that_cannot_be_is_refused_with_line_and_cure(urgent: str, said: str) -> None:
    text = "node: lp-1\nsite: s\nsensors:\n  - {name: air-1, profile: plantower-pms5003, port: /dev/ttyS0}\n"
    with pytest.raises(NotUsable) as refused:
        fit(Config, parse(f"{text}urgent: {urgent}\n", "agent.yaml"))
    assert "agent.yaml:5: urgent" in str(refused.value)
    assert said in str(refused.value)
