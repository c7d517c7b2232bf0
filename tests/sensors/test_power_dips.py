"""A sensor without power while its port stays, and one that is asked seldom or sleeps: which of them is silent?"""

from __future__ import annotations

import pytest

from device_profiles.catalogue import load
from edge_agent.sensors.sensor import Sensor
from firmware_stubs.models import MODELS
from firmware_stubs.stub import Stub

NOW_MS = 1_790_000_000_000
STEP_S = 0.05


class Line:
    """A sensor of ours and a stub, on a time that is counted; `quiet_s` is the longest time without a frame."""

    def __init__(self, model: str, mode: str | None = None, period_s: float | None = None) -> None:
        self.model, self.t_s, self.quiet_s = model, 0.0, 0.0
        self.sensor = Sensor("air-1", load(None).get(model), mode=mode, period_s=period_s)
        self.sensor.begin(0.0, -1000.0)
        self.stub = self.cold()

    def cold(self) -> Stub:
        """The same model as it comes out of its box."""
        return MODELS[self.model](lambda t_s: {"pm25_ugm3": 30.0 + t_s % 7, "pm10_ugm3": 50.0, "co2_ppm": 500.0})

    def run(self, seconds: float) -> int:
        """Frames with a measurement that came meanwhile."""
        before, last_s, until_s = self.sensor.frames, self.t_s, self.t_s + seconds
        while self.t_s < until_s:
            frames = self.sensor.frames
            self._hear(self.stub.tick(self.t_s))
            self.sensor.late(self.t_s)
            for ask in self.sensor.poller.due(self.t_s):
                self._hear(self.stub.receive(ask.data))
            if self.sensor.frames != frames:
                last_s = self.t_s
            self.quiet_s = max(self.quiet_s, self.t_s - last_s)
            self.t_s += STEP_S
        return self.sensor.frames - before

    def _hear(self, data: bytes) -> None:
        if data:
            self.sensor.feed(data, NOW_MS + round(self.t_s * 1000), self.t_s)


@pytest.mark.parametrize(("model", "mode"), [("sensirion-sps30", None), ("winsen-zphs01c", "active")])
def test_a_sensor_that_lost_its_power_and_not_its_port_is_told_again_what_it_was_told(
    model: str, mode: str | None
) -> None:
    line = Line(model, mode)
    assert line.run(60) > 20
    line.stub = line.cold()
    line.run(line.sensor.silence_s + 5)
    assert line.run(10) > 5
    assert line.sensor.doubt == "warming_up"  # its power was gone: it is as cold as one that was pulled out
    line.run(line.sensor.profile.warm_up_s)
    assert line.sensor.doubt is None


@pytest.mark.parametrize(
    ("model", "mode", "period_s"),
    [
        ("sensirion-sps30", None, 60.0),
        ("senseair-s8", None, 300.0),
        ("plantower-pms5003", "polled", 120.0),
        ("plantower-pms5003", "resting", None),
        ("nova-sds011", "resting", None),
    ],
)
def test_a_sensor_that_is_asked_seldom_or_sleeps_is_not_silent(
    model: str, mode: str | None, period_s: float | None
) -> None:
    line = Line(model, mode, period_s)
    line.run(1000)
    assert line.sensor.profile.silence_s < line.quiet_s < line.sensor.silence_s


def test_one_that_is_asked_as_its_profile_says_is_silent_when_its_profile_says() -> None:
    assert Line("sensirion-sps30").sensor.silence_s == 10
    assert Line("sensirion-sps30", None, 0.5).sensor.silence_s == 10
