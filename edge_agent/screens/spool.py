"""`lamppost agent spool status` as people see it. Pure."""

from __future__ import annotations

from typing import Any

from edge_agent.screens.words import span


def screen(said: dict[str, Any], now_ms: int) -> str:
    """The lines of the screen, 60 columns wide."""
    oldest = "" if said["oldest_ms"] is None else f", oldest {span((now_ms - said['oldest_ms']) / 1000)}"
    untimed = [f"          {said['untimed_rows']} of them for the clock to be set"] if said["untimed_rows"] else []
    since_ms = said["kept_since_ms"]
    since = [] if since_ms is None else [f"          back to {span((now_ms - since_ms) / 1000)} ago"]
    lines = [
        f"file      {said['file']}",
        f"          {size(said['file_bytes'])} of at most {size(said['max_bytes'])}",
        f"waiting   {said['waiting_rows']} rows{oldest}  ({size(said['waiting_bytes'])})",
        *untimed,
        f"kept      {said['kept_rows']} rows answered, for a replay",
        *since,
        f"room      {_room(said)}",
        f"card      {_per_day(said['card_bytes_a_day'], 'written', 'known once the agent has run for a minute')}",
    ]
    lost = ", ".join(f"{rows} {reason}" for reason, rows in said["lost"].items())
    lines.append(f"lost      {lost or 'nothing'}")
    if said["damaged"]:
        lines.append(f"! a damaged file was put aside: {said['damaged']}")
    return "\n".join(lines)


def size(count: int) -> str:
    """Bytes in the unit people think in."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def _room(said: dict[str, Any]) -> str:
    if said["days_left"] is None:
        return "known after an hour of readings"
    per_day = _per_day(said["bytes_a_day"], "of readings", "")
    unless = "the clock is not set" if said["untimed_rows"] else "the link stays away"
    return f"{span(said['days_left'] * 86_400)} if {unless}\n          at {per_day}"


def _per_day(count: int | None, what: str, otherwise: str) -> str:
    return otherwise if count is None else f"{size(count)} {what} a day"
