"""How alerts are told: channels, and how much people hear. Part of the collector's settings."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from collector.notify.addresses import network_of
from collector.rules import words
from common.field_types import FilePath, Name
from common.strict_model import Strict, misplaced, word
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or not _leads_somewhere(parts):
        raise ValueError("an address such as http://127.0.0.1:8086 is wanted")
    if parts.username or parts.password:
        text = "no user or password in an address; name a file that holds it"
        raise PydanticCustomError("secret", "{text}", {"text": text})
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return value
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise ValueError("an address of the link-local kind serves machines' secrets and is never called")
    return value


def _leads_somewhere(parts: SplitResult) -> bool:
    """Whether port and host can be any: `a..b` or 99999 breaks whoever calls it."""
    try:
        (parts.hostname or "").encode("idna")
        return parts.port != 0
    except ValueError:
        return False


def _inside(value: str) -> str:
    if network_of(value) is None and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", value):
        raise ValueError("a host such as alertmanager.city.internal, or a network such as 10.20.0.0/16, is wanted")
    return value


Inside = Annotated[str, AfterValidator(_inside)]
Url = Annotated[str, AfterValidator(_url)]
Ms = Annotated[int, BeforeValidator(words.duration)]


def _no_faster_than(least: str) -> AfterValidator:
    def checked(value: int) -> int:
        if value < words.duration(least):
            raise ValueError(f"{least} or more is wanted")
        return value

    return AfterValidator(checked)


class _Channel(Strict):
    """`second` takes over what this channel has failed to deliver for `second_after`."""

    name: Name
    second: Name | None = None
    second_after: Ms = 10 * MINUTE_MS


class WebhookChannel(_Channel):
    """JSON by POST, signed with the secret when there is one."""

    kind: Literal["webhook"]
    url: Url
    secret_file: FilePath | None = None


class AlertmanagerChannel(_Channel):
    """Prometheus' Alertmanager, API v2."""

    kind: Literal["alertmanager"]
    url: Url = "http://127.0.0.1:9093"


class AppriseChannel(_Channel):
    """Mail, DingTalk, WeCom, Feishu, Telegram, SMS gateways: one address of apprise a line, in a file of secrets."""

    kind: Literal["apprise"]
    urls_file: FilePath
    language: Literal["both", "zh", "en"] = "both"


Channel = Annotated[WebhookChannel | AlertmanagerChannel | AppriseChannel, Field(discriminator="kind")]


class Escalation(Strict):
    """After so long without an acknowledgement, others are told too."""

    after: Ms
    notify: list[Name] = Field(min_length=1)
    severity: Literal["info", "minor", "major", "critical"] = "major"


class CanarySettings(Strict):
    """How often a reading of our own goes all the way and back, and whom to tell that it did."""

    every: Annotated[Ms, _no_faster_than("1s")] = MINUTE_MS
    heartbeat: Url | None = None


class Alerts(Strict):
    """Channels, and how much people hear."""

    channels: list[Channel] = Field(default=[])
    inner: list[Inside] = Field(default=[])
    group: Ms = 5 * MINUTE_MS
    repeat: Annotated[Ms, _no_faster_than("1m")] = 4 * HOUR_MS
    flap_changes: int = Field(default=3, ge=2, le=1000)
    flap_within: Ms = 30 * MINUTE_MS
    escalate: list[Escalation] = Field(default=[])
    link: Url | None = None
    act_within: Ms = DAY_MS
    canary: CanarySettings | None = None

    @model_validator(mode="after")
    def _known_channels(self) -> Alerts:
        known = [channel.name for channel in self.channels]
        for number, channel in enumerate(self.channels):
            if channel.name in known[:number]:
                raise misplaced(f"'{channel.name}' is a second channel of that name", "channels", number, "name")
            if channel.second is not None and channel.second not in known:
                raise misplaced(word(channel.second, known), "channels", number, "second")
        for number, step in enumerate(self.escalate):
            for name in step.notify:
                if name not in known:
                    raise misplaced(word(name, known), "escalate", number, "notify")
        return self
