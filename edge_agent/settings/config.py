"""The agent's settings: read once, by the command line, from one YAML file. `config.sample.yaml` is the manual."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from common import field_types
from common.field_types import NO_ZERO, FilePath, Hours, Name, NodeName, Size
from common.strict_model import Strict, misplaced
from edge_agent.urgency import DEFAULT, limit_of

SAMPLE = Path(__file__).with_name("config.sample.yaml")
SETTINGS_CURE = "sudo lamppost agent setup"
"""What helps where there are no settings."""


def _scalar(value: object) -> object:
    if not isinstance(value, (int, float, str)):
        raise ValueError("a number, a text, true or false is wanted")
    return value


class Broker(field_types.Broker):
    """Where batches go. A fleet that comes back at once spreads its first batches over `spread_s`."""

    spread_s: float = Field(default=5.0, ge=0, le=300)


class Spool(Strict):
    """Where readings wait."""

    path: FilePath = Path("/var/lib/lamppost/spool.db")
    max_size: Size | None = None
    allow_tmpfs: bool = False


class Clock(Strict):
    """When the system clock is believed."""

    trust: Literal["when-synchronised", "always"] = "when-synchronised"


class Led(Strict):
    """The status LED: a folder of /sys/class/leds by its name, and the hours in which it stays off."""

    name: str = Field(pattern=r"^([A-Za-z0-9_.:-]+|/.+)$")
    dark: Hours | None = None


class Sensor(Strict):
    """One sensor on one serial port."""

    name: Name
    profile: str
    port: str = Field(min_length=1, pattern=NO_ZERO)
    interval_s: int = Field(default=60, ge=1, le=3600)
    lane: Name = "1"
    directions: list[Literal["in", "out"]] = Field(
        default=["in", "out"], min_length=1, json_schema_extra={"uniqueItems": True}
    )
    one_way: Literal["in", "out"] | None = None
    angle_deg: float = Field(default=0.0, ge=0, le=60)
    mode: str | None = None
    period_s: float | None = Field(default=None, gt=0, le=86400)
    options: dict[str, Annotated[int | float | str | bool, BeforeValidator(_scalar)]] = {}  # noqa: RUF012 (pydantic copies it)

    @field_validator("directions")
    @classmethod
    def _each_once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("each direction once is wanted: what passes would be told twice")
        return value


class Config(Strict):
    """Everything the agent needs to know."""

    node: NodeName
    site: Name
    identity: FilePath | None = None
    broker: Broker = Broker()
    spool: Spool = Spool()
    clock: Clock = Clock()
    seal_s: float = Field(default=5.0, ge=1, le=60)
    bytes_per_day: Size | None = None
    urgent: dict[str, str] = DEFAULT
    led: Led | None = None
    profiles: FilePath | None = None
    collector_keys: list[str] = Field(default=[])
    status_file: FilePath = Path("/run/lamppost/status.json")
    sensors: list[Sensor] = Field(min_length=1, max_length=64)

    def lines(self) -> dict[str, list[int]]:
        """The sensors, by number, that hang on each port."""
        found: dict[str, list[int]] = {}
        for number, sensor in enumerate(self.sensors):
            found.setdefault(sensor.port, []).append(number)
        return found

    @model_validator(mode="after")
    def _no_two_alike(self) -> Config:
        seen = set()
        for number, sensor in enumerate(self.sensors):
            if sensor.name in seen:
                raise misplaced(f"two sensors have the name {sensor.name!r}", "sensors", number, "name")
            seen.add(sensor.name)
        if self.identity is not None and (self.broker.tls is not None or self.collector_keys):
            raise ValueError("identity brings certificates and keys with it: leave out broker.tls and collector_keys")
        return self

    @field_validator("urgent")
    @classmethod
    def _are_levels(cls, value: dict[str, str]) -> dict[str, str]:
        for quantity, text in value.items():
            limit_of(quantity, text)
        return value

    @field_validator("collector_keys")
    @classmethod
    def _are_keys(cls, value: list[str]) -> list[str]:
        from edge_agent.identity.identity import read_key

        for key in value:
            read_key(key)
        return value
