"""Local time: zones by their names, as settings, rules and commands give them, and what their clocks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name. Raises ValueError, whatever it is that keeps it from being one: `Asia` is a folder, and
    `localtime` another zone on each machine."""
    try:
        if not is_place(name):
            raise KeyError(name)
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}, write one such as Asia/Shanghai") from error


def is_place(name: str) -> bool:
    """Whether a file among the zones may be a zone of the IANA list: some systems keep others there."""
    return name not in ("localtime", "posixrules", "Factory") and not name.startswith(("posix/", "right/"))


def iso(time_ms: int, zone: ZoneInfo, to: str = "seconds") -> str:
    """RFC 3339 in a time zone, to the second or to the millisecond."""
    return datetime.fromtimestamp(time_ms / 1000, zone).isoformat(timespec=to)


def utc(time_ms: int) -> str:
    """RFC 3339 in UTC, to the millisecond, as programs write it: 2026-03-01T00:00:00.000Z."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(time_ms: float, zone: ZoneInfo, form: str) -> str:
    """What the zone's clocks say, as strftime writes it."""
    return datetime.fromtimestamp(time_ms / 1000, zone).strftime(form)


def day_and_clock(time_ms: float, zone: ZoneInfo) -> str:
    """`03-01 08:00`; of an hour that comes twice, since clocks go back, which of the two: `10-25 02:00 +0200`."""
    moment = datetime.fromtimestamp(time_ms / 1000, zone)
    comes_twice = moment.utcoffset() != moment.replace(fold=1 - moment.fold).utcoffset()
    return moment.strftime("%m-%d %H:%M %z" if comes_twice else "%m-%d %H:%M")


def midnight(time_ms: int, zone: ZoneInfo) -> datetime:
    """The beginning of the day that the zone's calendars say it is."""
    return datetime.fromtimestamp(time_ms / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)


@lru_cache(256)
def week_before(time_ms: int, zone: ZoneInfo) -> int:
    """When the clocks of the zone said the same a week ago: 167 or 169 hours, where they were moved in between."""
    return round((datetime.fromtimestamp(time_ms / 1000, zone) - timedelta(7)).timestamp() * 1000)
