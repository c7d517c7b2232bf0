"""Questions in an address, read strictly: every parameter is known, given once, and means one thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from collector.zones import is_place
from wire.names import is_node

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_WHOLE = re.compile(r"[0-9]{1,6}")
_YEARS: Final = (2020, 2100)


class BadQuery(ValueError):
    """The question cannot be answered; `reason` is a word for programs, the text says what would be right.

    What the client sent is never repeated: a page that shows our answer must not become the sender's.
    """

    def __init__(self, reason: str, parameter: str | None, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: how it is read (ValueError says what is wanted), and how OpenAPI describes it."""

    name: str
    read: Callable[[str], Any]
    about: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


def read(pairs: Sequence[tuple[str, str]], known: Sequence[Parameter]) -> dict[str, Any]:
    """The values of a query, by name; those not given are absent. Raises BadQuery."""
    parameters = {parameter.name: parameter for parameter in known}
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in parameters:
            raise BadQuery("unknown-parameter", None, f"known parameters: {', '.join(parameters) or 'none'}")
        if name in values:
            raise BadQuery("repeated-parameter", name, f"{name} is given more than once")
        try:
            values[name] = parameters[name].read(text)
        except ValueError as error:
            raise BadQuery("bad-value", name, f"{name}: {error}") from None
    for parameter in known:
        if parameter.required and parameter.name not in values:
            raise BadQuery("missing-parameter", parameter.name, f"{parameter.name} is required")
    return values


def node(text: str) -> str:
    if not is_node(text):
        raise ValueError("a node is 1 to 63 of a-z, 0-9 and -")
    return text


def one_of(*words: str) -> Callable[[str], str]:
    """A reader of one word of a closed list."""

    def read_word(text: str) -> str:
        if text not in words:
            raise ValueError("one of " + ", ".join(words))
        return text

    return read_word


def words_of(*words: str) -> Callable[[str], tuple[str, ...]]:
    """A reader of several words of a closed list, with commas between, each once."""

    def read_words(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        if not set(found) <= set(words) or len(set(found)) != len(found):
            raise ValueError("one or more of " + ", ".join(words) + ", with commas between")
        return found

    return read_words


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of a whole number from `low` to `high`, in ASCII digits."""

    def read_whole(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read_whole


def instant(text: str) -> int:
    """UTC milliseconds of an RFC 3339 time with its offset."""
    wanted = "a time with its offset, such as 2026-03-01T08:00:00Z or 2026-03-01T16:00:00%2B08:00"
    if not _INSTANT.fullmatch(text):
        raise ValueError(wanted)
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(wanted) from None
    if not _YEARS[0] <= moment.year < _YEARS[1]:
        raise ValueError(f"a year from {_YEARS[0]} to {_YEARS[1] - 1}")
    return round(moment.timestamp() * 1000)


def zone(text: str) -> ZoneInfo:
    if text not in _zones():
        raise ValueError("a time zone of the IANA list, such as Asia/Shanghai")
    return ZoneInfo(text)


@cache
def _zones() -> frozenset[str]:
    """Looked for once: six hundred files are opened for it."""
    return frozenset(filter(is_place, available_timezones()))
