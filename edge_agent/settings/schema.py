"""The settings as JSON Schema, for editors: keys are completed, mistakes underlined, and the sample's words shown."""

from __future__ import annotations

import re
from typing import Any

from device_profiles import catalogue
from edge_agent.settings.config import SAMPLE, Config

_LINE = re.compile(
    r"(?P<indent> *)(?P<off># )?(?P<more> *)(?:- )?(?P<key>[a-z_0-9]+):(?: +(?P<value>[^#]*))?(?:# (?P<said>.*))?"
)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of agent.yaml. What cannot be said in it, such as two sensors of one name, is left out."""
    made = _without_titles(Config.model_json_schema())
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Settings of a Lamppost agent", **made}
    sections = {"": made["properties"]}
    for key, name in (
        ("broker", "Broker"),
        ("spool", "Spool"),
        ("clock", "Clock"),
        ("led", "Led"),
        ("sensors", "Sensor"),
        ("tls", "Tls"),
    ):
        sections[key] = made["$defs"][name]["properties"]
    for (section, key), said in descriptions(SAMPLE.read_text(encoding="utf-8")).items():
        if key in sections.get(section, {}):
            sections[section][key]["description"] = said
    profile = sections["sensors"]["profile"]
    profile["anyOf"] = [{"enum": catalogue.load().names()}, {"type": profile.pop("type")}]
    return made


def descriptions(sample: str) -> dict[tuple[str, str], str]:
    """What the sample says of each key, by (section, key): the words behind it, or else the lines above it."""
    said: dict[tuple[str, str], str] = {}
    section: dict[int, str] = {}
    above: list[str] = []
    for line in sample.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or (match["off"] and _is_prose(match["value"] or "")):
            text = line.strip()
            above = [*above, text.lstrip("# ")] if text.startswith("#") else []
            continue
        depth = len(match["indent"]) + len(match["more"]) + (2 if "- " in line[: match.start("key")] else 0)
        section = {at: key for at, key in section.items() if at < depth}
        words = match["said"] or " ".join(above)
        if words:
            said[section[max(section)] if section else "", match["key"]] = words.strip()
        if not match["value"]:
            section[depth] = match["key"]
        above = []
    return said


def _is_prose(value: str) -> bool:
    """`# always: the system clock is believed` is a sentence, `# max_size: 2 GiB` a default."""
    return len(value.split()) > 2 and value[0] not in "[{"


def _without_titles(node: Any) -> Any:
    """pydantic names everything twice: `Seal S` helps nobody."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _without_titles(item) for key, item in node.items() if key != "title" or isinstance(item, dict)}
