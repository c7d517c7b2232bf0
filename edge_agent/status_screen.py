"""`lamppost agent status` as people see it: one screen of 60 columns. Pure."""

from __future__ import annotations

from typing import Any

from edge_agent.words import reading, span


def screen(said: dict[str, Any], now_ms: float) -> str:
    """The lines of the status screen; ages are written beside everything that ages."""
    up = span(said["up_s"])
    lines = [f"station  {said['node']} at {said['site']}   agent {said['version']}   up {up}"]
    age_s = (now_ms - said["at_ms"]) / 1000
    if age_s > 15:
        lines.append(f"! the agent has said nothing for {span(age_s)}: is it running?")
    lines += [_sensor(sensor, now_ms) for sensor in said["sensors"]]
    connected = said["connected_s"]
    lines.append(f"broker   {'not connected' if connected is None else 'connected ' + span(connected)}")
    waiting = f"{said['waiting_rows']} waiting"
    if said["oldest_ms"] is not None:
        waiting += f", oldest {span((now_ms - said['oldest_ms']) / 1000)}"
    lines.append(f"spool    {waiting} · {said['accepted']} accepted · {said['spool_bytes'] / 2**20:.1f} MiB")
    if said["refused"]:
        lines.append(f"! {said['refused']} readings could not be kept: check the disk")
    return "\n".join(lines)


def _sensor(sensor: dict[str, Any], now_ms: float) -> str:
    if not sensor["open"]:
        state = f"port closed: {sensor['port']}"
    elif sensor["last_frame_ms"] is None:
        state = "nothing heard yet"
    else:
        state = f"{span((now_ms - sensor['last_frame_ms']) / 1000)} ago"
    bad = sum(sensor["bad"].values())
    return f"{sensor['name']:<8} {reading(sensor['values'])}  {state}" + (f"  {bad} bad frames" if bad else "")
