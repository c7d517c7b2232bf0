"""How a sensor is, in a word or two, from what the agent says of itself. Pure."""

from __future__ import annotations

from typing import Any

from edge_agent.lines.not_opened import NO_SUCH_PORT
from wire.both import Both, same

OLD_S = 15.0
FOREIGN_BYTES = 256  # a sensor of the model that the settings name has said something readable by then
DAMAGED = 5  # the first bytes after a start may be half a frame
PASSING = (None, "warming_up", "settling")
"""Doubts about a sensor's values that are no fault of it."""
_DOUBTS = {
    "warming_up": Both("warming up", "预热中"),
    "settling": Both("settling", "稳定中"),
    "stale": Both("stale", "数值不变"),
}


def state_of(said: dict[str, Any], sensor: dict[str, Any], now_ms: float) -> Both:
    """The word for one of its sensors."""
    if is_old(said, now_ms):
        return Both("not known", "未知")
    if not sensor["open"]:
        gone = sensor.get("trouble") in (None, NO_SUCH_PORT)
        return Both("port gone", "串口不见了") if gone else Both("port shut", "串口打不开")
    if sensor.get("trouble"):
        return Both("port stuck", "串口卡住")
    silent = sensor["last_frame_ms"] is None or now_ms - sensor["last_frame_ms"] > sensor.get("silence_s", 60) * 1000
    if silent and (sensor.get("unread_bytes", 0) >= FOREIGN_BYTES or only_damage(sensor)):
        return Both("garbled", "乱码")
    if sensor["last_frame_ms"] is None:
        return Both("nothing heard", "没有收到数据")
    if silent:
        return Both("silent", "没有数据")
    if sensor.get("doubt"):
        return _DOUBTS.get(sensor["doubt"], same(str(sensor["doubt"])))
    return Both("beam full", "波束占满") if sensor.get("crowded") else Both("ok", "正常")


def is_old(said: dict[str, Any], now_ms: float) -> bool:
    """Whether the agent said so too long ago: how anything is now, nobody knows."""
    return bool(now_ms - said["at_ms"] > OLD_S * 1000)


def only_damage(sensor: dict[str, Any]) -> bool:
    """Whether something speaks there, and never in a whole frame: another speed makes few bytes of many."""
    damaged = sum(count for why, count in sensor["bad"].items() if why not in ("no_reply", "refused"))
    return damaged >= DAMAGED and not sensor["frames"]
