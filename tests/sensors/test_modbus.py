"""Who answers on a Modbus line, and how: by another address, with a refusal, behind the echo of the question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from device_profiles.profile import Profile
from edge_agent.screens.watching import Watch
from edge_agent.sensors.sensor import Sensor
from firmware_stubs.modbus import Transmitter
from firmware_stubs.senseair import S8
from tests.sensors.datasheet_frames import modbus
from tests.sensors.streams import PROFILES

TH = PROFILES["rs485-modbus-weather"]
VALUES = {"temp_c": 25.0, "rh_pct": 50.0}
REFUSAL = modbus(b"\x01\x83\x02")
Answer = Callable[[bytes], bytes]


def asked(profile: Profile, answer: Answer, echo: bool = False) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The readings of some questions, and what was counted beside them."""
    sensor, readings = Sensor("th-1", profile), []
    sensor.begin(0.0, -1000.0)
    for tick in range(300):
        t_s = tick / 20
        for ask in sensor.poller.due(t_s):
            readings += sensor.feed((ask.data if echo else b"") + answer(ask.data), int(t_s * 1000), t_s)
        sensor.late(t_s)
    return [reading.values for reading in readings], dict(sensor.bad)


def from_address(address: int) -> Answer:
    return lambda _: modbus(bytes((address, 3, 4)) + (250).to_bytes(2, "big") + (500).to_bytes(2, "big"))


@pytest.mark.parametrize(("address", "answers", "heard"), [(1, 1, 3), (1, 2, 0), (0, 7, 3), (255, 7, 3), (7, 1, 0)])
def test_who_asks_for_anybody_hears_whoever_answers(address: int, answers: int, heard: int) -> None:
    """Many take 00 or FF for "any", and answer with an address of their own; otherwise only who was asked counts."""
    readings, bad = asked(TH.with_options({"address": address}), from_address(answers))
    assert readings == [VALUES] * heard
    assert bad == ({} if heard else {"no_reply": 3})


@pytest.mark.parametrize(
    ("name", "anybody"), [("rs485-modbus-weather", 255), ("renke-rs-fsxcs", 255), ("senseair-s8", 254)]
)
def test_a_reserved_address_is_refused(name: str, anybody: int) -> None:
    """Modbus over serial line V1.02, 2.2: 248 to 255 are reserved. What answered from 250 was never understood."""
    profile = PROFILES[name]
    for address in (247, anybody):
        assert profile.with_options({"address": address}).settings["address"] == address
    for address in {248, 250, 253, 254, 255, 256} - {anybody}:
        with pytest.raises(ValueError, match=f"to 247 or {anybody} is wanted"):
            profile.with_options({"address": address})


@pytest.mark.parametrize(("sleeps", "mode", "heard"), [(True, "polled", 0), (True, "woken", 4), (False, "woken", 4)])
def test_an_s8_that_wants_to_be_woken_answers_in_a_mode_that_does(sleeps: bool, mode: str, heard: int) -> None:
    """What it wants was told among its faults, and no setting made the agent do it."""
    stub, sensor, readings = S8(sleeps=sleeps), Sensor("co2-1", PROFILES["senseair-s8"], mode=mode), []
    sensor.begin(0.0, -1000.0)
    for tick in range(1500):
        t_s = tick / 100
        stub.tick(t_s)
        for ask in sensor.poller.due(t_s):
            readings += sensor.feed(stub.receive(ask.data), int(t_s * 1000), t_s)
        sensor.late(t_s)
    assert len(readings) == heard
    assert bool(sensor.bad) is (heard == 0)


@pytest.mark.parametrize("echo", [False, True])
def test_a_refusal_ends_the_wait_and_is_counted_as_one(echo: bool) -> None:
    assert asked(TH, lambda _: REFUSAL, echo) == ([], {"refused": 3})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cubic-cm1106", "06 02 01 02 F5"),
        ("honeywell-hpma115s0", "96 96"),
        ("sensirion-scd30", modbus(b"\x61\x83\x02").hex()),
    ],
)
def test_whoever_can_refuse_is_understood(name: str, data: str) -> None:
    """CM1106: `06 02 command code`; HPMA: `96 96`; Modbus: the function with its highest bit."""
    _, bad = asked(PROFILES[name], lambda _: bytes.fromhex(data))
    assert set(bad) == {"refused"}


def test_the_live_view_counts_refusals() -> None:
    watch = Watch("th-1", TH, 0.0)
    watch.read(REFUSAL, 1.0)
    assert watch.bad == {"refused": 1}


def test_a_stub_asked_for_a_register_it_has_not_refuses() -> None:
    slave = Transmitter()
    readings, bad = asked(TH.with_options({"start": 40}), slave.receive)
    assert (readings, bad) == ([], {"refused": 3})
