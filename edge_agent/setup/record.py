"""The installation record: who put up what, where, and the result of each check. Printed, kept, sent."""

from __future__ import annotations

import hashlib
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from edge_agent.setup.answers import Answers

if TYPE_CHECKING:
    from edge_agent.doctor.result import Result
    from edge_agent.settings.config import Config


def make(answers: Answers, settings: Config, checks: list[Result], proof: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The record as JSON. A photo stays on the device; its digest tells later whether it is the same."""
    photo = None
    if answers.photo is not None and answers.photo.exists():
        photo = {"file": str(answers.photo), "sha256": hashlib.sha256(answers.photo.read_bytes()).hexdigest()}
    return {
        "schema": "lamppost.installation/1",
        "node": settings.node,
        "site": settings.site,
        "who": answers.who,
        "where": answers.where,
        "lat": answers.lat,
        "lon": answers.lon,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "agent": version("lamppost"),
        "photo": photo,
        "sensors": [
            {
                "name": sensor.name,
                "profile": sensor.profile,
                "port": sensor.port,
                "read_back": proof.get(sensor.name, {}).get("values"),
            }
            for sensor in settings.sensors
        ],
        "checks": {result.id: result.state.value.lower() for result in checks},
    }


def screen(record: dict[str, Any]) -> str:
    """The record as a person reads it, at 60 columns."""
    from edge_agent.screens.words import reading

    position = f"{record['lat']:.5f}, {record['lon']:.5f}" if record["lat"] is not None else "-"
    lines = [
        f"Installation of {record['node']} at {record['site']}",
        f"  when   {record['at']}   agent {record['agent']}",
        f"  who    {record['who'] or '-'}",
        f"  where  {record['where'] or '-'}",
        f"  place  {position}",
    ]
    for sensor in record["sensors"]:
        values = sensor["read_back"]
        state = f"stored: {reading(values) or 'yes'}" if values is not None else "NOT read back"
        lines.append(f"  {sensor['name']:<8} {sensor['profile']}")
        lines.append(f"           {state}")
    states = list(record["checks"].values())
    lines.append(f"  checks   {states.count('ok')} ok, {states.count('warn')} warn, {states.count('fail')} fail")
    for name, state in record["checks"].items():
        if state in ("warn", "fail"):
            lines.append(f"           {state}  {name}")
    return "\n".join(lines)
