"""The settings file that a set-up writes: short, commented, checked before it is there. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_agent.setup.answers import Answers


def settings_text(answers: Answers, node: str, identity: Path | None, broker: dict[str, Any], written: str) -> str:
    """YAML that `Config` takes. `broker` holds host, port and, without an identity, how to log in."""
    assert answers.site is not None
    assert isinstance(answers.sensors, list)
    lines = [
        f"# Settings of this station, written by `lamppost agent setup` on {written}.",
        "# Every key is explained by:  lamppost agent config sample",
        f"node: {node}",
        f"site: {answers.site}",
    ]
    if identity is not None:
        lines += ["", "# Certificate and keys, from the enrolment.", f"identity: {identity}"]
    lines += ["", "broker:", *(f"  {key}: {_scalar(value)}" for key, value in broker.items() if value is not None)]
    if answers.clock == "always":
        lines += ["", "# The clock was not set by NTP when this was written, and is believed all the same.", "clock:"]
        lines += ["  trust: always"]
    lines += ["", "sensors:"]
    for sensor in answers.sensors:
        lines += [f"  - name: {sensor.name}", f"    profile: {sensor.profile}", f"    port: {_scalar(sensor.port)}", ""]
    return "\n".join(lines[:-1]) + "\n"


def _scalar(value: object) -> str:
    text = str(value)
    plain = text.replace("/", "").replace(".", "").replace("-", "").replace("_", "").replace(":", "").isalnum()
    return text if isinstance(value, int) or (plain and not text[0].isdigit()) else f'"{text}"'
