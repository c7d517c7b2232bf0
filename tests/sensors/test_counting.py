"""Damaged frames are counted one for one, in a quiet machine's reads and in a busy one's, for every model.

With a checksum every flipped bit is counted. Without one a flip may leave a frame that the manual allows: those
nobody can tell (`plausible.py`); every other one is counted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.sensors.sensor import Sensor
from firmware_stubs.faults import Fault
from firmware_stubs.models import MODELS, RADARS
from firmware_stubs.road import Road, Vehicle
from firmware_stubs.stub import Stub
from tests.sensors.counting import count
from tests.sensors.plausible import FORMATS, HEX_CHECKSUM
from tests.sensors.streams import PROFILES

SECONDS = {"benewake-tfmini": 40.0, "ultrasonic-ff": 40.0, "hilink-ld2450": 40.0, "hilink-ld2451": 60.0}
EVERY_BYTE = Fault("bitflip", share=0.01, per_byte=True)


def air(t_s: float) -> dict[str, float]:
    """Air that moves, so that many values of every byte are sent."""
    step = int(t_s) % 97
    return {"pm25_ugm3": 23.0 + 2 * step, "pm10_ugm3": 31.0 + 3 * step, "pm1_ugm3": 11.0 + step, "temp_c": 0.3 * step,
            "co2_ppm": 500.0 + 7 * step, "rh_pct": 30.0 + 0.5 * step, "wind_dir_deg": 3.0 * step, "range_m": 4.2,
            "wind_speed_ms": 1.0 + 0.1 * step, "hcho_ugm3": 20.0 + step}  # fmt: skip


def moving(name: str, seconds: float) -> Stub:
    """A model's stub with air or traffic before it."""
    if name == "nmea-gnss":
        start = datetime(2026, 6, 1, tzinfo=UTC)
        return MODELS[name](air, utc=lambda t_s: start + timedelta(seconds=t_s))
    if name not in RADARS:
        return MODELS[name](air)
    every_s, speed = (12.0, 6.0) if name == "hilink-ld2450" else (8.0, 40.0)
    vehicles = [Vehicle(12 + every_s * n, speed if n % 2 else -speed) for n in range(int(seconds / every_s))]
    return MODELS[name](Road(vehicles, near_m=0.5).targets)


@pytest.mark.parametrize("lump_s", [0.0, 1.7], ids=["quiet", "busy"])
@pytest.mark.parametrize("name", MODELS)
def test_every_damaged_frame_is_counted_once(name: str, lump_s: float) -> None:
    seconds = SECONDS.get(name, 200.0)
    found = count(name, moving(name, seconds), f"7 {name}", seconds, EVERY_BYTE, lump_s)
    assert found.counted == found.spoilt - found.hidden
    assert found.spoilt > 0
    assert found.hidden == 0 or name in FORMATS or name in HEX_CHECKSUM


@pytest.mark.parametrize("name", ["plantower-pms5003", "nova-sds011", "sensirion-sps30", "tera-nextpm"])
@pytest.mark.parametrize("kind", ["truncate", "checksum"])
def test_other_damage_is_counted_once_too_where_pauses_part_the_frames(name: str, kind: str) -> None:
    found = count(name, moving(name, 200.0), f"7 {name}", 200.0, Fault(kind, share=0.2))
    assert found.counted == found.spoilt > 0


def test_a_reply_that_is_arriving_is_not_overdue() -> None:
    """Its halves may lie on both sides of the time-out: that is one good frame, and no damage."""
    profile = PROFILES["vaisala-wxt"]
    sensor = Sensor("wx-1", profile)
    sensor.begin(0.0, 0.0)
    reply = next(example for example in profile.examples if example.message == "data").data
    (ask,) = sensor.poller.due(0.0)
    late_s = profile.commands[ask.command].timeout_s
    sensor.feed(reply[:9], 0, late_s - 0.1)
    sensor.late(late_s + 0.1)
    sensor.feed(reply[9:], 0, late_s + 0.2)
    sensor.late(late_s + 0.3)
    assert sensor.frames == 1
    assert not sensor.bad.total()
