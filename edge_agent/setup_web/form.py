"""What a person filled in on the set-up page, as answers; or what is wanted of each field. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from edge_agent.setup.answers import Answers, BrokerAnswer, SensorAnswer, position, separated
from wire import names

FIELDS = ("token", "node", "broker", "site", "who", "where", "position")
"""What there is to fill in, in the order of the page."""


def answers_of(
    given: Mapping[str, str], sensors: Sequence[SensorAnswer], not_yet: str | None = None
) -> tuple[Answers | None, dict[str, str]]:
    """Answers, or None and by field the key of the text that says what is wanted; `sensors` stands for the list.

    `not_yet` says why the list is not complete: a station would be set up without the sensors that come last.
    """
    said = {name: given.get(name, "").strip() for name in FIELDS}
    wrong = _wrong(said)
    if not_yet is not None:
        wrong["sensors"] = not_yet
    elif not sensors:
        wrong["sensors"] = "no_sensors"
    if wrong:
        return None, wrong
    lat, lon = position(said["position"]) or (None, None)
    try:
        made = Answers(
            token=said["token"] or None,
            node=None if said["token"] else said["node"],
            site=said["site"],
            who=said["who"][:100] or "-",
            where=said["where"][:200] or "-",
            lat=lat,
            lon=lon,
            broker=None if said["token"] else _broker(said["broker"]),
            clock="always" if given.get("clock") == "always" else "when-synchronised",
            sensors=list(sensors),
        )
    except ValidationError as error:
        return None, {"site": str(error.errors()[0]["msg"])}
    return made, {}


def _wrong(said: Mapping[str, str]) -> dict[str, str]:
    """What is wanted of each field; a token brings the name and the broker."""
    wrong: dict[str, str] = {}
    if not said["token"] and not names.is_node(said["node"]):
        wrong["node"] = "names_are" if said["node"] else "need"
    if not said["token"] and _broker(said["broker"]) is None:
        wrong["broker"] = "address_is" if said["broker"] else "need"
    if not names.is_name(said["site"]):
        wrong["site"] = "names_are" if said["site"] else "need"
    try:
        position(said["position"])
    except ValueError:
        wrong["position"] = "spot_is"
    return wrong


def _broker(text: str) -> BrokerAnswer | None:
    first, *others = separated(text)
    host, colon, port = first.rpartition(":") if first.count(":") == 1 else (first, "", "")
    try:
        return BrokerAnswer(host=host, port=int(port) if colon else 1883, others=others)
    except ValueError:  # pydantic's errors are such too
        return None
