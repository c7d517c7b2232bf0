"""Birth and death: what a node says of itself, retained, so that a late listener knows at once.

The birth names the spool(s) whose batches the collector may store. After a repair there are two: the old one still
drains. More than that would let any cloned card in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from wire import names, strictjson
from wire.batch import SEQ_MAX
from wire.times import is_time

VERSION = 1
SPOOLS_MAX = 2
SENSORS_MAX = 64
STATUS_BYTES_MAX = 64 * 1024
VITALS_MAX = 32
VITAL_MAX = 2**63  # what every store takes; infinity fails here
_VITAL = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SESSION = re.compile(r"[0-9a-f]{16}")


class BadStatus(ValueError):
    """Not a birth or death; the last good one stays in force."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor as its node announces it; `profile` such as `plantower-pms5003@1`."""

    name: str
    profile: str


@dataclass(frozen=True, slots=True)
class Birth:
    """A node's session begins. Times are UTC milliseconds; `vitals` are numbers for people (temp_c, disk_free_b)."""

    node: str
    site: str
    session: str
    spools: tuple[str, ...]
    next_seq: int
    oldest_ms: int | None
    version: str
    clock: str
    sensors: tuple[Sensor, ...] = ()
    vitals: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Death:
    """A node's session ended: `lost` from the last will, `stopped` from a clean stop."""

    node: str
    session: str
    reason: str


def encode(message: Birth | Death) -> bytes:
    """The JSON of a birth or death."""
    if isinstance(message, Death):
        return strictjson.dumps(
            {
                "v": VERSION,
                "state": "offline",
                "node": message.node,
                "session": message.session,
                "reason": message.reason,
            }
        )
    return strictjson.dumps(
        {
            "v": VERSION,
            "state": "online",
            "node": message.node,
            "site": message.site,
            "session": message.session,
            "spools": list(message.spools),
            "next_seq": message.next_seq,
            "oldest_ms": message.oldest_ms,
            "version": message.version,
            "clock": message.clock,
            "sensors": [[sensor.name, sensor.profile] for sensor in message.sensors],
            "vitals": message.vitals,
        }
    )


def decode(node: str, payload: bytes) -> Birth | Death:
    """Read what stands on `node`'s status topic. Raises BadStatus with the key at fault."""
    if len(payload) > STATUS_BYTES_MAX:
        raise BadStatus(f"{len(payload)} bytes, more than {STATUS_BYTES_MAX}")
    try:
        raw = strictjson.loads(payload)
    except strictjson.NotStrict as error:
        raise BadStatus(str(error)) from error
    if not strictjson.is_version(raw, VERSION) or raw.get("node") != node:
        raise BadStatus("another version, or another node than the topic's")
    session = raw.get("session")
    if not isinstance(session, str) or not _SESSION.fullmatch(session):
        raise BadStatus("session is not 16 hex digits")
    if raw.get("state") == "offline":
        if raw.get("reason") not in ("lost", "stopped"):
            raise BadStatus("reason is neither lost nor stopped")
        return Death(node, session, raw["reason"])
    if raw.get("state") != "online":
        raise BadStatus("state is neither online nor offline")
    return _birth(node, session, raw)


def _birth(node: str, session: str, raw: dict[str, Any]) -> Birth:
    site, spools, next_seq, oldest_ms = (raw.get(key) for key in ("site", "spools", "next_seq", "oldest_ms"))
    version, clock, sensors, vitals = (raw.get(key) for key in ("version", "clock", "sensors", "vitals"))
    if not isinstance(site, str) or not names.is_name(site):
        raise BadStatus("site is not a name")
    if not isinstance(spools, list) or not 1 <= len(spools) <= SPOOLS_MAX or not all(map(names.is_spool, spools)):
        raise BadStatus(f"spools is not 1 to {SPOOLS_MAX} spool ids")
    if type(next_seq) is not int or not 1 <= next_seq <= SEQ_MAX + 1:
        raise BadStatus("next_seq is not a sequence")
    if oldest_ms is not None and not is_time(oldest_ms):
        raise BadStatus("oldest_ms is not a time")
    if not isinstance(version, str) or not 1 <= len(version) <= 40 or not version.isprintable():
        raise BadStatus("version is not a short text")
    if clock not in ("synced", "restored", "estimated", "unsynced"):
        raise BadStatus("clock is not a known word")
    if not isinstance(sensors, list) or len(sensors) > SENSORS_MAX:
        raise BadStatus(f"sensors is not a list of at most {SENSORS_MAX}")
    if not isinstance(vitals, dict) or len(vitals) > VITALS_MAX or not all(map(_is_vital, vitals.items())):
        raise BadStatus(f"vitals is not an object of at most {VITALS_MAX} names and finite numbers")
    return Birth(
        node,
        site,
        session,
        tuple(spools),
        next_seq,
        oldest_ms,
        version,
        clock,
        tuple(map(_sensor, sensors)),
        vitals,
    )


def _is_vital(entry: tuple[str, Any]) -> bool:
    key, value = entry
    return _VITAL.fullmatch(key) is not None and type(value) in (int, float) and -VITAL_MAX < value < VITAL_MAX


def _sensor(entry: Any) -> Sensor:
    if not isinstance(entry, list) or len(entry) != 2 or not names.is_name(entry[0]) or not names.is_profile(entry[1]):
        raise BadStatus("a sensor is [name, profile@version]")
    return Sensor(entry[0], entry[1])
