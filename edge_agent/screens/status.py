"""`lamppost agent status` as people see it: one screen of 60 columns, an age beside everything that ages. Pure."""

from __future__ import annotations

from typing import Any

from edge_agent.screens.words import reading, span, sparkline
from edge_agent.sensor_state import is_old, state_of

WAITING_S = 120.0
FULL_SHARE = 0.95


def troubles(said: dict[str, Any], now_ms: float) -> list[str]:
    """What needs a hand, in words; empty when all is well."""
    if is_old(said, now_ms):  # how anything else is now, nobody knows
        age = span((now_ms - said["at_ms"]) / 1000)
        return [f"the agent has said nothing for {age}: sudo systemctl start lamppost-agent"]
    found = []
    if said.get("link_flaps"):
        found.append("cut off all the time: lamppost agent doctor --only broker.steady")
    elif said["connected_s"] is None:
        found.append("not connected: lamppost agent doctor --only broker")
    elif said.get("link_refusal"):
        found.append("the broker refuses what is sent: lamppost agent doctor --only broker.acl")
    for sensor in said["sensors"]:
        state = state_of(said, sensor, now_ms)
        if state not in ("ok", "warming up", "beam full"):  # the road is busy, and the station well
            found.append(f"{sensor['name']} {state}: lamppost agent doctor --only sensor.{sensor['name']}")
    if said["refused"]:
        found.append(f"{said['refused']} readings could not be kept: lamppost agent doctor --only disk")
    if is_full(said, now_ms):
        found.append("the spool is full, the oldest readings go: lamppost agent doctor --only spool")
    if not said["disk_ok"]:
        found.append("the disk takes no readings: lamppost agent doctor --only spool")
    if said["clock"] == "unsynced" and said["up_s"] > WAITING_S:  # NTP needs a while after a start
        found.append("the clock is not set: lamppost agent doctor --only clock")
    if nobody_confirms(said, now_ms):
        found.append("connected, and nobody confirms: lamppost agent doctor --only collector.ack")
    budget, a_day = said.get("bytes_per_day"), said.get("line_bytes_a_day")
    if budget is not None and a_day is not None and a_day > budget:
        found.append(f"the line costs {_megabytes(a_day)} a day of {_megabytes(budget)}: read sensors less often")
    if said.get("config_note"):
        found.append(said["config_note"])
    return found


def waits_long(said: dict[str, Any], now_ms: float) -> bool:
    """The oldest reading has waited longer than the way to the database and back takes."""
    return said["oldest_ms"] is not None and now_ms - said["oldest_ms"] > _patience_s(said) * 1000


def is_full(said: dict[str, Any], now_ms: float) -> bool:
    """The spool makes room by what it should keep; without what waits, only what was answered goes."""
    full = (said.get("spool_share") or 0.0) >= FULL_SHARE
    return full and (said["clock"] == "unsynced" or waits_long(said, now_ms))


def _patience_s(said: dict[str, Any]) -> float:
    """A batch is old already when it is sealed, by its first reading."""
    seal_s: float = said.get("seal_s", 0.0)
    return WAITING_S + seal_s


def nobody_confirms(said: dict[str, Any], now_ms: float) -> bool:
    """Connected to a broker behind which no collector answers."""
    if said.get("link_refusal"):
        return False  # it is the broker
    unheard = said["acked_s"] is None or said["acked_s"] > _patience_s(said)
    return said["connected_s"] is not None and unheard and waits_long(said, now_ms)


def screen(said: dict[str, Any], now_ms: float) -> str:
    """The lines of the status screen."""
    lines = [
        f"station  {said['node']} at {said['site']}",
        f"agent    {said['version']}, up {span(said['up_s'])}",
        *(line for sensor in said["sensors"] for line in _sensor(said, sensor, now_ms)),
        f"broker   {_broker(said)}",
        *_line_cost(said),
        *_urgent(said),
        f"spool    {_spool(said, now_ms)}",
        f"clock    {_CLOCK.get(said['clock'], said['clock'])}{_machine(said)}",
        *(f"! {trouble}" for trouble in troubles(said, now_ms)),
    ]
    return "\n".join(lines)


_CLOCK = {
    "synced": "trusted",
    "restored": "trusted, earlier times put right",
    "unsynced": "not set yet: readings wait",
    "estimated": "estimated",
}


def _sensor(said: dict[str, Any], sensor: dict[str, Any], now_ms: float) -> list[str]:
    state = state_of(said, sensor, now_ms)
    age = "" if sensor["last_frame_ms"] is None else f"{span((now_ms - sensor['last_frame_ms']) / 1000)} ago"
    line = f"{sensor['name']:<8} {reading(sensor['values'])}"
    lines = [f"{line:<36} {age:<10} {state}".rstrip()]
    bad = sum(sensor["bad"].values())
    recent = sensor["trouble"] if state in ("port shut", "port stuck") else sparkline(sensor.get("recent", []))
    note = f"{recent}  {bad} bad frames" if bad else recent
    return [*lines, f"         {note}"] if note else lines


def not_connected(said: dict[str, Any]) -> str:
    """That it is not connected, and why."""
    why = said.get("link_trouble")
    return f"not connected: {why}" if why else "not connected"


def _broker(said: dict[str, Any]) -> str:
    if said["connected_s"] is None:
        return not_connected(said)
    if said.get("link_refusal"):
        return f"connected {span(said['connected_s'])} · refuses: {said['link_refusal']}"
    acked_s = said["acked_s"]
    last = "nothing confirmed yet" if acked_s is None else f"last confirmed {span(acked_s)} ago"
    return f"connected {span(said['connected_s'])} · {last}"


def _line_cost(said: dict[str, Any]) -> list[str]:
    a_day, budget = said.get("line_bytes_a_day"), said.get("bytes_per_day")
    if a_day is None:
        return []
    if budget is None:
        return [f"line     {_megabytes(a_day)} a day"]
    slow = f" · sealed every {span(said['seal_s'])}" if "seal_s" in said else ""
    return [f"line     {_megabytes(a_day)} a day of {_megabytes(budget)}{slow}"]


def _urgent(said: dict[str, Any]) -> list[str]:
    """What was sent at once, and which sensors flap: theirs waits for the next ordinary batch."""
    urgent = said.get("urgent") or {"sealed": 0, "held": {}}
    if not urgent["sealed"] and not urgent["held"]:
        return []
    late = [f"         {sensor} flaps: {count} not" for sensor, count in urgent["held"].items()]
    return [f"urgent   {urgent['sealed']} sent at once", *late]


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def _spool(said: dict[str, Any], now_ms: float) -> str:
    waiting = f"{said['waiting_rows']} waiting"
    if said["oldest_ms"] is not None:
        waiting += f" since {span((now_ms - said['oldest_ms']) / 1000)}"
    return f"{waiting} · {said['accepted']} taken · {said['spool_bytes'] / 2**20:.1f} MiB"


def _machine(said: dict[str, Any]) -> str:
    text = ""
    if said.get("disk_free_b") is not None:
        text += f"   disk {said['disk_free_b'] / 2**30:.1f} GB"
    if said.get("temp_c") is not None:
        text += f"   {said['temp_c']:.0f} °C"
    return text
