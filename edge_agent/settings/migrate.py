"""What this version would write otherwise in an older or hand-made settings file. Pure.

No key has been renamed since the first version. What ages is the name of a port: `/dev/ttyUSB0` is a number handed out
in the order of plugging in, and a by-id name is no better where the adapter's serial number is shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from edge_agent.lines.ports import PortInfo
from edge_agent.settings.config import Config


class Move(NamedTuple):
    """One setting and the value it should have."""

    setting: str
    value: str


def names_that_stay(config: Config, ports: Iterable[PortInfo]) -> list[Move]:
    """A stable name for every port that is there now and named by one that may be another sensor's tomorrow."""
    by_device = {port.device: port for port in ports}
    return [
        Move(f"sensors.{sensor.name}.port", port.path)
        for sensor in config.sensors
        if (port := by_device.get(sensor.port)) is not None and port.path != sensor.port
    ]
