"""The installation record: who put up what, where, and the result of each check. Printed, kept, sent."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from edge_agent.setup.answers import Answers
from wire.both import Both, joined, same, zh

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


def screen(record: dict[str, Any]) -> Both:
    """The record as a person reads it, at 60 columns."""
    from edge_agent.screens.words import reading

    position = f"{record['lat']:.5f}, {record['lon']:.5f}" if record["lat"] is not None else "-"
    node, site, agent = record["node"], record["site"], record["agent"]
    lines = [
        Both(f"Installation of {node} at {site}", f"安装记录：{node}，{site}"),
        Both(f"  when   {record['at']}   agent {agent}", f"  时间   {record['at']}   版本 {agent}"),
        Both(f"  who    {record['who'] or '-'}", f"  人员   {record['who'] or '-'}"),
        Both(f"  where  {record['where'] or '-'}", f"  位置   {record['where'] or '-'}"),
        Both(f"  place  {position}", f"  坐标   {position}"),
    ]
    for sensor in record["sensors"]:
        state, values = Both("NOT read back", "没有读回"), sensor["read_back"]
        if values is not None:
            shown = reading(values) or Both("yes", "是")
            state = Both(f"stored: {shown}", f"已入库：{zh(shown)}")
        lines.append(same(f"  {sensor['name']:<8} {sensor['profile']}"))
        lines.append(_below(state))
    count = Counter(record["checks"].values())
    well, odd, bad = count["ok"], count["warn"], count["fail"]
    lines.append(
        Both(f"  checks   {well} ok, {odd} warn, {bad} fail", f"  检查     正常 {well}，警告 {odd}，失败 {bad}")
    )
    words = {"warn": Both("warn", "警告"), "fail": Both("fail", "失败")}
    lines += [_below(joined("  ", [words[state], name])) for name, state in record["checks"].items() if state in words]
    return joined("\n", lines)


def _below(text: Both) -> Both:
    return joined("", [" " * 11, text])
