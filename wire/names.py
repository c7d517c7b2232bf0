"""Names and topics: who may be called what, and where each message travels.

The node is at once the MQTT user name, the client id, the certificate's common name and a topic level, so its
syntax is the one wall between a device and another device's data (DESIGN: the wire, threat T3).
"""

from __future__ import annotations

import re
from typing import NamedTuple

PREFIX = "lamppost/1"
REPLAY = "application/vnd.lamppost.replay"
"""Content type of a batch that was answered before and is sent again for a database that has lost it."""
RESERVED_NODES = frozenset({"collector", "alerts"})

QUESTIONS = frozenset({"stored", "installation"})
"""What a node's tools may ask its collector: `response/{question}` from the node, `request/{question}` back."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SPOOL = re.compile(r"[0-9a-f]{32}")
_BOOT = re.compile(r"[0-9a-f]{8,32}")
_PROFILE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}@[0-9]{1,4}")


def is_name(text: object) -> bool:
    """True for a site, sensor, lane or direction name: `[a-z0-9][a-z0-9-]{0,62}`."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def is_node(text: object) -> bool:
    """True for a node name: a name that is no level of our own topics."""
    return is_name(text) and text not in RESERVED_NODES


def is_spool(text: object) -> bool:
    """True for a spool id: 32 lower-case hex digits."""
    return isinstance(text, str) and _SPOOL.fullmatch(text) is not None


def is_boot(text: object) -> bool:
    """True for a boot id: 8 to 32 lower-case hex digits."""
    return isinstance(text, str) and _BOOT.fullmatch(text) is not None


def is_profile(text: object) -> bool:
    """True for a profile reference such as `plantower-pms5003@1`."""
    return isinstance(text, str) and _PROFILE.fullmatch(text) is not None


def data(node: str) -> str:
    """Topic of one node's batches."""
    return f"{PREFIX}/{node}/data"


def replay(node: str) -> str:
    """Topic of batches sent again for a database that has lost them, where MQTT 3.1.1 has no content type to say so."""
    return f"{PREFIX}/{node}/data/replay"


def ack(node: str) -> str:
    """Topic of the acknowledgements to one node."""
    return f"{PREFIX}/{node}/ack"


def status(node: str) -> str:
    """Topic of one node's retained birth and death."""
    return f"{PREFIX}/{node}/status"


def request(node: str, verb: str) -> str:
    """Topic of a signed request to one node."""
    return f"{PREFIX}/{node}/request/{verb}"


def response(node: str, verb: str) -> str:
    """Topic of the node's answer to a request."""
    return f"{PREFIX}/{node}/response/{verb}"


def questions() -> list[str]:
    """Topics on which any node's tools ask their collector."""
    return [response("+", question) for question in sorted(QUESTIONS)]


def collector_status(name: str) -> str:
    """Topic of one collector's retained status."""
    return f"{PREFIX}/collector/{name}/status"


def collector_of(topic: str) -> str | None:
    """The collector whose status stands on a topic, or None when it is another topic."""
    levels = topic.split("/")
    fits = len(levels) == 5 and topic == collector_status(levels[3]) and is_name(levels[3])
    return levels[3] if fits else None


def alert(site: str, fingerprint: str) -> str:
    """Topic of one alert's retained state."""
    return f"{PREFIX}/alerts/{site}/{fingerprint}"


class Address(NamedTuple):
    """What a node's topic says: the node and the channel (`data`, `status`, `response/ping` ...)."""

    node: str
    channel: str


def address(topic: str) -> Address | None:
    """The node and channel of a topic below `lamppost/1/{node}/`, or None when it is not one of ours."""
    if not topic.startswith(PREFIX + "/"):
        return None
    node, _, channel = topic[len(PREFIX) + 1 :].partition("/")
    if not is_node(node) or not channel:
        return None
    return Address(node, channel)
