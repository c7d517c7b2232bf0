"""What a set-up must know, as one document: asked for, read from a file, or scanned from a QR code.

A QR code holds `lamppost:` and the document as base64url JSON. Secrets stand in files of their own, except the one-time
token, which is worth nothing a quarter of an hour later.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from common.field_types import Address, FilePath, Host, MqttVersion, Name, NodeName, Port
from common.strict_model import Strict, fit
from common.strict_yaml import Document, NotUsable, Problem, parse
from wire.both import Both
from wire.exits import Exit, Failure

QR = "lamppost:"
SITE = Both("Place, such as jianguo-rd-east", "地点，如 jianguo-rd-east")
WHO = Both("Your name", "您的姓名")
WHERE = Both("Pole, height, side", "灯杆、高度、方位")


class BrokerAnswer(Strict):
    """A broker that is reached without enrolment: on this device, or with a password."""

    host: Host = "127.0.0.1"
    port: Port = 1883
    username: str | None = None
    password_file: FilePath | None = None
    others: list[Address] = Field(default=[], max_length=16)
    protocol: MqttVersion = "5"

    def settings(self) -> dict[str, Any]:
        """As the settings file says it: what is as ever is left out."""
        return {"host": self.host, "port": self.port} | self.model_dump(exclude_defaults=True)


class SensorAnswer(Strict):
    """One sensor, when it is not to be searched for."""

    name: Name
    profile: str
    port: str
    options: dict[str, int | float | str | bool] = {}  # noqa: RUF012 (pydantic copies it)


class Answers(Strict):
    """Everything; what is None has not been answered yet."""

    node: NodeName | None = None
    site: Name | None = None
    who: str | None = Field(default=None, max_length=100)
    where: str | None = Field(default=None, max_length=200)
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    photo: FilePath | None = None
    token: str | None = None
    broker: BrokerAnswer | None = None
    profiles: FilePath | None = None
    sensors: list[SensorAnswer] | Literal["search"] | None = None
    clock: Literal["when-synchronised", "always"] | None = None
    service: bool | None = None

    def with_(self, **more: Any) -> Answers:
        """The same with some answers more."""
        return Answers.model_validate({**self.model_dump(), **more})


def read_answers(text: str, name: str) -> Answers:
    """Answers from YAML, JSON or a QR code's text. Raises Failure with line and cure."""
    try:
        if text.strip().startswith(QR):
            raw = text.strip().removeprefix(QR)
            text = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode()
        document = parse(text, name)
        answers = fit(Answers, document)
        if unknown := list(_unknown_models(answers, document)):
            raise NotUsable(unknown)
    except (NotUsable, binascii.Error, UnicodeDecodeError) as error:
        cure = Both("see docs/install.md, 'from a file'", "见 docs/install.md 中的 'from a file'")
        raise Failure(Exit.CONFIGURATION, "answers-unreadable", str(error), cure) from error
    return answers


def _unknown_models(answers: Answers, document: Document) -> Iterator[Problem]:
    from device_profiles.catalogue import UnknownProfile, load

    named = answers.sensors if isinstance(answers.sensors, list) else []
    for number, sensor in enumerate(named):
        try:
            load(answers.profiles).path(sensor.profile)
        except UnknownProfile as error:
            yield document.problem(("sensors", number, "profile"), str(error))


_SPOT = Both(
    "latitude, comma, longitude, such as 39.9,116.4, or -",
    "纬度,经度，如 39.9,116.4；没有就填 -",
)


def position(said: str) -> tuple[float, float] | None:
    """Latitude and longitude as people type them; None for an empty text or `-`. Raises ValueError.

    Two numbers, not more: `39,9,116,4` has commas for points, and would be a place far away.
    """
    if said in ("", "-"):
        return None
    try:
        if "_" in said:
            raise ValueError  # Python reads 1_16 as 116
        lat, lon = (float(part) for part in said.replace("，", ",").split(","))
    except ValueError:
        raise ValueError(_SPOT) from None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError(Both("latitude first: -90 to 90, then longitude", "先写纬度（-90 到 90），再写经度"))
    return lat, lon


def separated(said: str) -> list[str]:
    """Hosts, with commas between and ports behind colons, as a Chinese keyboard has them too."""
    return [part.strip() for part in said.replace("，", ",").replace("：", ":").split(",")]


class Notebook:
    """Where answers are kept between two attempts; removed when the station is set up."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> Answers | None:
        """Answers of an attempt that was not finished."""
        try:
            return Answers.model_validate(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError):
            return None

    def keep(self, answers: Answers) -> None:
        """Remember; the token is not kept."""
        from common.whole_file import write_whole

        kept = answers.model_dump(mode="json", exclude_none=True, exclude={"token"})
        write_whole(self._file, json.dumps(kept, ensure_ascii=False).encode())

    def forget(self) -> None:
        """The station is set up: this can never come up again by itself."""
        self._file.unlink(missing_ok=True)
