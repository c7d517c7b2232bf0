"""The settings file that a set-up writes: short, commented, checked before it is there. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from common.strict_yaml import NotUsable, parse
from edge_agent.setup.answers import Answers

if TYPE_CHECKING:
    from pathlib import Path


def settings_text(answers: Answers, node: str, identity: Path | None, broker: dict[str, Any], written: str) -> str:
    """YAML that `Config` takes. `broker` holds host, port and, without an identity, how to log in."""
    assert answers.site is not None
    assert isinstance(answers.sensors, list)
    lines = [
        f"# Settings of this station, written by `lamppost agent setup` on {written}.",
        "# Every key is explained by:  lamppost agent config sample",
        f"node: {_scalar(node)}",
        f"site: {_scalar(answers.site)}",
    ]
    if identity is not None:
        lines += ["", "# Certificate and keys, from the enrolment.", f"identity: {identity}"]
    lines += ["", "broker:", *(f"  {key}: {_scalar(value)}" for key, value in broker.items() if value is not None)]
    if answers.clock == "always":
        lines += ["", "# The clock was not set by NTP when this was written, and is believed all the same.", "clock:"]
        lines += ["  trust: always"]
    if answers.profiles is not None:
        lines += ["", "# Sensor models of our own.", f"profiles: {_scalar(answers.profiles)}"]
    lines += ["", "sensors:"]
    for sensor in answers.sensors:
        values = sensor.model_dump(exclude_defaults=True)
        entry = [f"{key}: {_scalar(value)}" for key, value in values.items()]
        lines += [f"  - {entry[0]}", *(f"    {line}" for line in entry[1:]), ""]
    return "\n".join(lines[:-1]) + "\n"


def _scalar(value: object) -> str:
    """A value as YAML: plain where it reads as the text it is, else in quotes (a station may be called 17, or no)."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_scalar(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    text = str(value)
    try:
        plain = re.fullmatch(r"[\w/.-]+", text) is not None and parse(text).data == text
    except NotUsable:
        plain = False
    return text if plain else json.dumps(text, ensure_ascii=False)
