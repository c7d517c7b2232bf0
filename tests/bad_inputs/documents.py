"""Valid samples of the built system, and one place of them changed as a case says. Values go in as YAML text."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import yaml

from collector.config import SAMPLE as COLLECTOR
from device_profiles.catalogue import SHIPPED
from edge_agent.settings.config import SAMPLE as AGENT
from tests.bad_inputs.vocabulary import UnknownWord, Words, compact, put

PROFILE = "nova-sds011"
LINE_PROFILE = "hikvision-csr"
_MARK = "at-this-place-{}"
AGENT_ROLES = {
    "node": "/node", "broker_host": "/broker/host", "broker_port": "/broker/port",
    "certificate_check": "/broker/tls/check",
    "seal_s": "/seal_s", "spool_path": "/spool/path", "spool_max": "/spool/max_size", "port_path": "/sensors/0/port",
}  # fmt: skip
COLLECTOR_ROLES = {"webhook_url": "/alerts/channels/0/url"}
PROFILE_ROLES = {
    "name": "/profile", "version": "/version", "baud": "/serial/baud", "parity": "/serial/parity",
    "frame_start": "/frames/0/header", "frame_length": "/frames/0/length", "checksum_kind": "/frames/0/check/kind",
    "checksum_last_byte": "/frames/0/check/at", "field_offset": "/messages/0/fields/0/at",
    "field_scale": "/messages/0/fields/0/scale", "field_min": "/messages/0/fields/0/min",
    "field_max": "/messages/0/fields/0/max", "line_pattern": "/frames/0/pattern",
    "field_quantity": "/messages/0/fields/0/quantity",
}  # fmt: skip


def agent_sample(folder: Path) -> dict[str, Any]:
    """The shipped sample of the agent's settings, with its files below a folder."""
    sample: dict[str, Any] = yaml.safe_load(AGENT.read_text())
    sample["spool"] = {"path": str(folder / "spool.db"), "allow_tmpfs": True}
    sample["status_file"] = str(folder / "status.json")
    for number, sensor in enumerate(sample["sensors"]):
        sensor["port"] = str(folder / f"tty{number}")
    return sample


def collector_sample(folder: Path) -> dict[str, Any]:
    """The shipped sample of the collector's settings, with its files below a folder and one webhook."""
    sample: dict[str, Any] = yaml.safe_load(COLLECTOR.read_text())
    sample["store"] = {"kind": "sqlite", "path": str(folder / "readings.db")}
    sample["state_file"] = str(folder / "collector.db")
    sample["alerts"] = {"channels": [{"name": "bureau", "kind": "webhook", "url": "https://alerts.example/hook"}]}
    return sample


def profile_sample(roles: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A shipped profile that has the roles asked for."""
    name = LINE_PROFILE if "line_pattern" in roles else PROFILE
    return name, yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())


def changed(sample: Any, places: dict[str, str], what: dict[str, Any], words: Words) -> bytes:
    """The sample as YAML, with `role` and `yaml` of a case done to it."""
    marks: dict[str, str] = {}
    for number, (role, value) in enumerate(what.get("role", {}).items()):
        if role not in places:
            raise UnknownWord(f"role {role!r}")
        text = words.text(value)
        marks[_MARK.format(number)] = text
        _deep_put(sample, places[role], _MARK.format(number))
    asked = what.get("yaml", {})
    if asked.get("op") == "duplicate_key":
        _deep_put(sample, places[asked["of"]], _MARK.format("twice"), keep=True)
    if asked.get("op") == "second_item_same":
        _second_item(sample, places[asked["of"]])
    text = yaml.safe_dump(sample, sort_keys=False, allow_unicode=True, width=1000)
    for mark, value in marks.items():
        text = text.replace(mark, value, 1)
    return _with_op(text, asked, places, words).encode("utf-8", "surrogatepass")


def json_changed(sample: Any, places: dict[str, str], what: dict[str, Any], words: Words) -> bytes:
    """A JSON sample with `role` and `yaml` of a case done to it, in compact form."""
    for role, value in what.get("role", {}).items():
        if role not in places:
            raise UnknownWord(f"role {role!r}")
        put(sample, places[role], value)
    asked = what.get("yaml", {})
    text = compact(sample)
    match asked.get("op"):
        case None:
            pass
        case "unknown_key":
            text = compact(sample | {asked["key"]: 1})
        case "duplicate_key":
            key = places[asked["of"]].rpartition("/")[2]
            second = asked["second"] if isinstance(asked["second"], str) else compact(asked["second"])
            text = f'{text[:-1]},"{key}":{second}' + "}"
        case "append":
            text += words.text(asked["text"])
        case other:
            raise UnknownWord(f"yaml op {other!r} on JSON")
    return text.encode("utf-8", "surrogatepass")


def _with_op(text: str, asked: dict[str, Any], places: dict[str, str], words: Words) -> str:
    match asked.get("op"):
        case None | "second_item_same":
            return text
        case "unknown_key":
            return text + f"{asked['key']}: 1\n"
        case "duplicate_key":
            mark = _MARK.format("twice")
            key = places[asked["of"]].rpartition("/")[2]
            line = re.search(rf"^(?P<lead>[ -]*){re.escape(key)}: .*{mark}.*$", text, re.M)
            assert line is not None
            first = line[0].replace(mark, "")
            again = " " * len(line["lead"]) + f"{key}: {asked['second']}"
            return text.replace(line[0], f"{first}\n{again}", 1)
        case "tab_indent":
            return re.sub(r"^( +)(?=\S)", "\t", text, count=1, flags=re.M)
        case "append":
            return text + words.text(asked["text"])
        case other:
            raise UnknownWord(f"yaml op {other!r}")


def _deep_put(document: Any, pointer: str, value: str, keep: bool = False) -> None:
    """Put a value, making what is missing on the way; with `keep` the mark goes behind the value that is there."""
    place = document
    *path, last = pointer.strip("/").split("/")
    for step in path:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    put(place, "/" + last, f"{place.get(last, 5)}{value}" if keep else value)


def _second_item(document: Any, pointer: str) -> None:
    """The second item of the list gets the same value as the first: two fields of one quantity, two ports of a path."""
    steps = pointer.strip("/").split("/")
    at = max((number for number, step in enumerate(steps) if step.isdigit()), default=-1)
    if at < 0:
        raise UnknownWord(f"second_item_same of {pointer}, which stands in no list")
    items = document
    for step in steps[:at]:
        items = items[int(step)] if isinstance(items, list) else items[step]
    if len(items) < 2:
        items.append(copy.deepcopy(items[0]))
    items[1][steps[-1]] = items[0][steps[-1]]
