"""`lamppost agent spool status` as people see it. Pure."""

from __future__ import annotations

from typing import Any

from edge_agent.screens.words import span
from wire.both import Both, joined, same, zh
from wire.causes import CAUSES
from wire.cells import padded

LABEL = 10


def screen(said: dict[str, Any], now_ms: int) -> Both:
    """The lines of the screen, 60 columns wide."""
    size_now, most = size(said["file_bytes"]), size(said["max_bytes"])
    lines = [
        _line(Both("file", "文件"), same(said["file"])),
        _line(same(""), Both(f"{size_now} of at most {most}", f"{size_now}，上限 {most}")),
        _line(Both("waiting", "待发"), _waiting(said, now_ms)),
    ]
    if untimed := said["untimed_rows"]:
        lines.append(
            _line(same(""), Both(f"{untimed} of them for the clock to be set", f"其中 {untimed} 条在等时钟校准"))
        )
    kept = said["kept_rows"]
    lines.append(_line(Both("kept", "保留"), Both(f"{kept} rows answered, for a replay", f"{kept} 条已确认，供重发用")))
    if said["kept_since_ms"] is not None:
        age = span((now_ms - said["kept_since_ms"]) / 1000)
        lines.append(_line(same(""), Both(f"back to {age} ago", f"最早的在 {zh(age)}前")))
    unknown = Both("known once the agent has run for a minute", "采集程序运行一分钟后可知")
    written = _per_day(said["card_bytes_a_day"], Both("written a day", "每天写入"))
    lines += [_line(Both("room", "余量"), _room(said)), _line(Both("card", "存储卡"), written or unknown)]
    lines.append(_line(Both("lost", "丢失"), _lost(said["lost"])))
    if damaged := said["damaged"]:
        lines.append(Both(f"! a damaged file was put aside: {damaged}", f"! 有一个损坏的文件已另存：{damaged}"))
    return joined("\n", lines)


def _line(label: Both, text: Both) -> Both:
    return Both(padded(label, LABEL) + text, padded(zh(label), LABEL) + zh(text))


def _waiting(said: dict[str, Any], now_ms: int) -> Both:
    rows, takes = said["waiting_rows"], size(said["waiting_bytes"])
    if said["oldest_ms"] is None:
        return Both(f"{rows} rows  ({takes})", f"{rows} 条（{takes}）")
    age = span((now_ms - said["oldest_ms"]) / 1000)
    return Both(f"{rows} rows, oldest {age}  ({takes})", f"{rows} 条，最早的已等 {zh(age)}（{takes}）")


def _lost(lost: dict[str, int]) -> Both:
    called = [(rows, Both(reason, zh(CAUSES.get(reason, reason)))) for reason, rows in lost.items()]
    parts = [Both(f"{rows} {reason}", f"{zh(reason)} {rows} 条") for rows, reason in called]
    if not parts:
        return Both("nothing", "没有")
    return Both(", ".join(parts), "，".join(map(zh, parts)))


def size(count: int) -> str:
    """Bytes in the unit people think in."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def _room(said: dict[str, Any]) -> Both:
    if said["days_left"] is None:
        return Both("known after an hour of readings", "有一小时的读数后可知")
    left = span(said["days_left"] * 86_400)
    unless = Both("the link stays away", "断网时")
    if said["untimed_rows"]:
        unless = Both("the clock is not set", "时钟未校准时")
    per_day = _per_day(said["bytes_a_day"], Both("of readings a day", "每天读数")) or same("")
    gap = "\n" + " " * LABEL
    return Both(f"{left} if {unless}{gap}at {per_day}", f"{zh(unless)}够存 {zh(left)}{gap}{zh(per_day)}")


def _per_day(count: int | None, what: Both) -> Both | None:
    return None if count is None else Both(f"{size(count)} {what}", f"{zh(what)} {size(count)}")
