"""The agent's settings: read once, by the command line, from one YAML file. `config.sample.yaml` is the manual."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from device_profiles.strict_model import Strict
from wire import names

SAMPLE = Path(__file__).with_name("config.sample.yaml")
_SIZE = re.compile(r"([1-9][0-9]{0,9}) ?(B|KiB|MiB|GiB)")
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[?[0-9a-fA-F:]{2,39}\]?")


def _path(value: object) -> object:
    return Path(value) if isinstance(value, str) and value else value


def _name(value: str) -> str:
    if not names.is_name(value):
        raise ValueError("small letters, digits and hyphens, at most 63, are wanted")
    return value


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None or int(match[1]) * _UNITS[match[2]] > 2**40:
        raise ValueError("a size such as 512 MiB or 2 GiB, at most 1024 GiB, is wanted")
    return int(match[1]) * _UNITS[match[2]]


FilePath = Annotated[Path, BeforeValidator(_path)]
Size = Annotated[int, BeforeValidator(_bytes)]


class Tls(Strict):
    """Certificates of a TLS connection to the broker."""

    ca: FilePath
    cert: FilePath | None = None
    key: FilePath | None = None


class Broker(Strict):
    """Where batches go."""

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password_file: FilePath | None = None
    tls: Tls | None = None
    spread_s: float = Field(default=5.0, ge=0, le=300)

    @field_validator("host")
    @classmethod
    def _plain_host(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise PlainValueError(
                "a host name or address alone is wanted: no scheme, no user, no password, no variable"
            )
        return host


class PlainValueError(ValueError):
    """A refusal whose message must not repeat the value: it may hold a secret."""


class Spool(Strict):
    """Where readings wait."""

    path: FilePath = Path("/var/lib/lamppost/spool.db")
    max_size: Size = 2 * 2**30
    allow_tmpfs: bool = False


class Clock(Strict):
    """When the system clock is believed."""

    trust: Literal["when-synchronised", "always"] = "when-synchronised"


class Sensor(Strict):
    """One sensor on one serial port."""

    name: Annotated[str, BeforeValidator(_name)]
    profile: str
    port: str
    interval_s: int = Field(default=60, ge=1, le=3600)
    lane: Annotated[str, BeforeValidator(_name)] = "1"
    directions: list[Literal["in", "out"]] = Field(default=["in", "out"], min_length=1)


class Config(Strict):
    """Everything the agent needs to know."""

    node: str
    site: Annotated[str, BeforeValidator(_name)]
    broker: Broker = Broker()
    spool: Spool = Spool()
    clock: Clock = Clock()
    seal_s: float = Field(default=5.0, ge=1, le=60)
    profiles: FilePath | None = None
    collector_keys: list[str] = Field(default=[])
    status_file: FilePath = Path("/run/lamppost/status.json")
    sensors: list[Sensor] = Field(min_length=1, max_length=64)

    @field_validator("node")
    @classmethod
    def _node_name(cls, node: str) -> str:
        if not names.is_node(node):
            raise ValueError("small letters, digits and hyphens, at most 63, not 'collector' or 'alerts', are wanted")
        return node

    @model_validator(mode="after")
    def _no_two_alike(self) -> Config:
        for what in ("name", "port"):
            values = [getattr(sensor, what) for sensor in self.sensors]
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"two sensors have the {what} {twice!r}")
        return self
