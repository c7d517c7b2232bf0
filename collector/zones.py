"""Time zones by their names, as settings, rules and commands give them."""

from __future__ import annotations

from zoneinfo import ZoneInfo


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name. Raises ValueError, whatever it is that keeps it from being one: `Asia` is a folder."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}, write one such as Asia/Shanghai") from error
