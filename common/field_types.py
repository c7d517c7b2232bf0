"""Field types that every settings file shares: paths, names, sizes, hosts. Each refuses with what is wanted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from common.strict_model import Strict
from wire import names

_SIZE = re.compile(r"([1-9][0-9]{0,9}) ?(B|KiB|MiB|GiB)")
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE_MIN, _SIZE_MAX = 2**16, 2**40
"""Below is a slip: `200` is bytes, and meant for MiB."""
_HOURS = r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]"
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*(?<!-)|[0-9a-fA-F:]{2,39}")
_HOST_MAX = 253
NO_ZERO = r"^[^\x00]*$"
"""Of a text that goes where zero ends it: a file's name, MQTT's strings."""
ADDRESS = re.compile(r"(\[[0-9a-fA-F:]{2,39}\]|[^:\[\]]*)(?::([0-9]{1,5}))?")  # of IPv6 in brackets, as in a URL


def _path(value: object) -> object:
    path = Path(value) if isinstance(value, str) else value
    if not isinstance(path, Path) or not path.name or "\0" in str(path):
        raise ValueError("the path of a file or folder is wanted")
    return path


def _name(value: str) -> str:
    if not names.is_name(value):
        raise ValueError("small letters, digits and hyphens, at most 63, are wanted")
    return value


def _node(value: str) -> str:
    if not names.is_node(value):
        raise ValueError("small letters, digits and hyphens, at most 63, not 'collector' or 'alerts', are wanted")
    return value


def _size(value: object) -> object:
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        size = int(match[1]) * _UNITS[match[2]]
    else:
        size = value if type(value) is int else 0
    if not _SIZE_MIN <= size <= _SIZE_MAX:
        raise ValueError("a size such as 512 MiB or 2 GiB, from 64 KiB to 1024 GiB, is wanted")
    return size


def _hours(value: str) -> str:
    if not re.fullmatch(_HOURS, value):
        raise ValueError("hours such as 22:00-06:00 are wanted")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value) or len(value) > _HOST_MAX:
        text = "a host name or address alone is wanted: no scheme, no user, no password, no variable"
        raise PydanticCustomError("secret", "{text}", {"text": text})  # the value may hold a password: not repeated
    return value


def _address(value: str) -> str:
    parts = ADDRESS.fullmatch(value)
    if parts is None or not 1 <= int(parts[2] or 1) <= 65535:
        raise ValueError("an address such as broker-b.city.example:1883 or [2001:db8::5]:1883 is wanted")
    _host(parts[1].strip("[]"))
    return value


FilePath = Annotated[Path, BeforeValidator(_path)]
_NAME_SCHEMA = WithJsonSchema({"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"})
Name = Annotated[str, AfterValidator(_name), _NAME_SCHEMA]
NodeName = Annotated[str, AfterValidator(_node), _NAME_SCHEMA]
_SIZES = {"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["512 MiB", "2 GiB"]}
Size = Annotated[int, BeforeValidator(_size), WithJsonSchema({"anyOf": [_SIZES, {"type": "integer"}]})]
Hours = Annotated[str, AfterValidator(_hours), WithJsonSchema({"type": "string", "pattern": f"^{_HOURS}$"})]
Host = Annotated[str, AfterValidator(_host)]
Address = Annotated[str, AfterValidator(_address)]
MqttVersion = Annotated[
    Literal["5", "3.1.1"],
    BeforeValidator(lambda value: str(value) if value == 5 else value),
    WithJsonSchema({"enum": [5, "5", "3.1.1"]}),
]
Port = Annotated[int, Field(ge=1, le=65535)]


class Tls(Strict):
    """Certificates of a TLS connection."""

    ca: FilePath
    cert: FilePath | None = None
    key: FilePath | None = None


class Broker(Strict):
    """Where the MQTT broker is and how to log in."""

    host: Host = "127.0.0.1"
    port: Port = 1883
    username: str | None = Field(default=None, max_length=1000, pattern=NO_ZERO)
    password_file: FilePath | None = None
    tls: Tls | None = None
    others: list[Address] = Field(default=[], max_length=16)
    protocol: MqttVersion = "5"
