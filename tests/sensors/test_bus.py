"""Several sensors on one line: each in its turn, each its own answer, and one that is dead holds nobody up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.catalogue import load
from edge_agent.sensors.bus import REST, Bus, quiet_s, why_apart
from edge_agent.sensors.sensor import Sensor
from firmware_stubs.modbus import Transmitter

CATALOGUE = load(None)
STEP_S = 0.01
START_MS = 1_790_000_000_000


def sensor(address: int, profile: str = "rs485-modbus-weather", **options: str | int) -> Sensor:
    made = CATALOGUE.get(profile).with_options({"address": address, **options})
    return Sensor(f"s-{address}", made, period_s=1.0)


@dataclass
class Wires:
    """A bus and its devices: device `address` answers after `after_s[address]`, or never."""

    after_s: dict[int, float | None]
    noise: bytes = b""  # before each answer
    echoes: bool = False  # the adapter lets us hear what we say
    at_s: float = 1000.0
    asked: list[tuple[float, int]] = field(default_factory=list)
    answered: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sensors = {address: sensor(address) for address in self.after_s}
        self.bus = Bus(list(self.sensors.values()))
        self.bus.begin(self.at_s)
        self.devices = {a: Transmitter(lambda _, a=a: {"temp_c": float(a)}, address=a) for a in self.after_s}  # type: ignore[misc]
        self._coming: list[tuple[float, int, bytes]] = []

    def run(self, seconds: float) -> None:
        until_s = self.at_s + seconds
        while self.at_s < until_s:
            for ask in self.bus.due(self.at_s):
                self.asked.append((self.at_s, ask.data[0]))
                after_s = self.after_s[ask.data[0]]
                if self.echoes:
                    self._coming.append((self.at_s, 0, ask.data))
                for address, device in self.devices.items():
                    answer = device.receive(ask.data)
                    if answer and after_s is not None:
                        self._coming.append((self.at_s + after_s, address, self.noise + answer))
            for coming in [one for one in self._coming if one[0] <= self.at_s]:
                self._coming.remove(coming)
                self.answered.append((self.at_s, coming[1]))
                was_asked = self.bus.speaker.poller.asked is not None
                self.bus.speaker.feed(coming[2], START_MS, self.at_s)
                self.bus.heard(was_asked, self.at_s)
            self.at_s += STEP_S


delays = st.one_of(st.none(), st.floats(0.0, 0.3))


@given(st.dictionaries(st.integers(1, 247), delays, min_size=2, max_size=5))
def test_one_is_asked_at_a_time_and_its_answer_is_its_own(after_s: dict[int, float | None]) -> None:
    wires = Wires(after_s)
    wires.run(30)
    for address, one in wires.sensors.items():
        assert not (set(one.bad) - {"no_reply"}), one.bad
        if after_s[address] is None:
            assert one.frames == 0
        else:
            assert one.last_values["temp_c"] == address
            assert not one.bad
    timeout_s = 0.5
    for (at_s, address), (next_s, _) in zip(wires.asked, wires.asked[1:], strict=False):
        wait_s = after_s[address]
        free_s = at_s + (timeout_s if wait_s is None else wait_s + quiet_s(wires.bus.speaker.profile.serial))
        assert next_s >= free_s - 2 * STEP_S


@given(st.lists(st.sampled_from([0x00, 0x55, 0xFE, 0xFF]), max_size=12).map(bytes), st.booleans())
def test_noise_and_an_echo_cost_nobody_its_turn(noise: bytes, echoes: bool) -> None:
    wires = Wires({1: 0.05, 2: 0.05, 3: None}, noise=noise, echoes=echoes)
    wires.run(60)
    for address in (1, 2):
        assert wires.sensors[address].last_values["temp_c"] == address
        assert wires.sensors[address].frames >= 45
    assert wires.sensors[3].frames == 0


@given(st.integers(2, 5), st.floats(0.0, 0.1))
def test_each_is_asked_once_a_period(count: int, delay_s: float) -> None:
    wires = Wires(dict.fromkeys(range(1, count + 1), delay_s))
    wires.run(60)
    for address in wires.after_s:
        assert 58 <= [to for _, to in wires.asked].count(address) <= 61


def test_one_that_is_dead_takes_a_tenth_of_the_line_and_is_asked_again() -> None:
    """It took half a second of each."""
    wires = Wires({1: 0.05, 2: None, 3: 0.05})
    wires.run(600)
    asked = [to for _, to in wires.asked]
    assert asked.count(1) > 590
    assert 600 / 10 / 0.5 * 0.8 < asked.count(2) < 600 / 10 / 0.5 * 1.1
    wires.after_s[2] = 0.05
    began_s = wires.at_s
    wires.run(60)
    assert next(at_s for at_s, who in wires.answered if who == 2) - began_s < (REST + 1) * 0.5 + 1
    assert [to for at_s, to in wires.asked if at_s > began_s + 6].count(2) > 50


def test_a_sensor_of_its_own_line_never_rests() -> None:
    wires = Wires({1: None})
    wires.run(60)
    assert len(wires.asked) >= 58


def test_an_answer_that_comes_too_late_is_not_taken_for_that_of_the_next() -> None:
    wires = Wires({1: 0.55, 2: 0.05})
    wires.run(30)
    assert wires.sensors[2].last_values["temp_c"] == 2
    assert wires.sensors[1].last_values.get("temp_c", 1) == 1


APART = {
    "unasked": (sensor(1), Sensor("air-1", CATALOGUE.get("plantower-pms5003")), "air-1 speaks without being asked"),
    "no address": (
        sensor(1), Sensor("air-1", CATALOGUE.get("winsen-zh03b"), mode="polled"), "air-1 has no address",
    ),
    "anybody": (
        sensor(1), Sensor("co2-1", CATALOGUE.get("senseair-s8")),
        "all answer to address 254 of co2-1, give it one of its own in options",
    ),
    "same address": (sensor(1), sensor(1, "xy-md02"), "s-1 has the same address 1"),
    "speed": (
        sensor(1), sensor(2, baud=4800), "s-1 speaks 9600 8N1 and s-2 4800 8N1, one line has one speed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", APART)
def test_why_two_cannot_share_a_line(case: str) -> None:
    one, other, why = APART[case]
    assert why_apart(one, other) == why


def test_different_models_share_a_line() -> None:
    assert why_apart(sensor(1), sensor(2, "xy-md02")) is None
    assert why_apart(sensor(1), sensor(104, "senseair-s8")) is None


def test_between_two_frames_a_slow_line_is_silent_for_longer() -> None:
    """Three and a half characters (MODBUS over Serial Line V1.02, 2.5.1.1)."""
    assert quiet_s(sensor(1, baud=1200).profile.serial) == pytest.approx(0.0321, abs=0.0001)
    assert quiet_s(sensor(1).profile.serial) == 0.02
