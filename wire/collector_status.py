"""What a collector says of itself, retained, every few seconds: for people, and for the collectors that stand by.

    {"v":1,"state":"active","since":1790000000000,"now":1790000062000,"version":"0.1.0"}

Nothing that an agent deletes or holds depends on it, so it is not signed: whoever forges one can delay and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wire import strictjson
from wire.times import is_time

VERSION = 1
STATUS_BYTES_MAX = 4_096


class State(StrEnum):
    """`undecided`: connected a moment ago and still listening whether another is at work."""

    UNDECIDED = "undecided"
    STANDBY = "standby"
    ACTIVE = "active"
    OFFLINE = "offline"


class BadStatus(ValueError):
    """Not a collector's status; it is not obeyed."""


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """A collector's state and since when, by its own clock, in UTC milliseconds."""

    state: State
    since_ms: int
    now_ms: int
    version: str = ""


def encode(said: CollectorStatus) -> bytes:
    """The JSON line of a status."""
    head = {"v": VERSION, "state": str(said.state), "since": said.since_ms, "now": said.now_ms}
    return strictjson.dumps(head | {"version": said.version})


LAST_WORD: Final = encode(CollectorStatus(State.OFFLINE, 0, 0))
"""What a collector leaves at its broker, as its will and with a clean end."""


def decode(payload: bytes) -> CollectorStatus:
    """Read a status. Raises BadStatus."""
    if len(payload) > STATUS_BYTES_MAX:
        raise BadStatus(f"{len(payload)} bytes, more than {STATUS_BYTES_MAX}")
    try:
        raw = strictjson.loads(payload)
    except strictjson.NotStrict as error:
        raise BadStatus(str(error)) from error
    state, since_ms, now_ms, version = (raw.get(key) for key in ("state", "since", "now", "version"))
    if not strictjson.is_version(raw, VERSION) or state not in list(State):
        raise BadStatus("another version, or a state that is not known")
    if not is_time(since_ms) or not is_time(now_ms) or not isinstance(version, str) or len(version) > 40:
        raise BadStatus("since, now or version is missing or malformed")
    return CollectorStatus(State(state), since_ms, now_ms, version)
