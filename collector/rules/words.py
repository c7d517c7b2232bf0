"""The small words of a rule: durations (`10m`), shares (`75%`), limits (`> 75`), times of day (`06:30`).

ASCII digits only: `int()` and `float()` would also take full-width and Arabic digits, underscores, `inf` and `nan`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

UNIT_MS: Final = {"s": 1_000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_UNIT_ZH: Final = {"s": "秒", "m": "分钟", "h": "小时", "d": "天"}
DURATION_MS_MAX: Final = 32 * UNIT_MS["d"]

_DURATION = re.compile(r"([0-9]{1,7})([smhd])", re.ASCII)
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%", re.ASCII)
_LIMIT = re.compile(r"(>=|<=|>|<)\s*(-?[0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(%?)", re.ASCII)
_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_PATTERN = re.compile(r"[a-z0-9_*?!\[\]-]+", re.ASCII)  # what names are made of, and fnmatch's own signs
_OTHER_SIDE: Final = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}


class Limit(NamedTuple):
    """One side of a level: `> 75`, or `< -60%` where the value is a share of something."""

    op: str
    level: float
    percent: bool = False

    def met(self, value: float) -> bool:
        """Whether `value` lies on the limit's side."""
        op, level = self.op, self.level
        if op == ">":
            return value > level
        if op == "<":
            return value < level
        return value >= level if op == ">=" else value <= level

    @property
    def above(self) -> bool:
        """True for `>` and `>=`."""
        return self.op[0] == ">"

    def other_side(self) -> Limit:
        """The limit that is met exactly when this one is not."""
        return Limit(_OTHER_SIDE[self.op], self.level, self.percent)

    def __str__(self) -> str:
        return f"{self.op} {number(self.level)}{'%' if self.percent else ''}"


def number(value: float) -> str:
    """A number as people write it: no trailing zeros, at most four decimals below 100, one above."""
    text = f"{value:.1f}" if abs(value) >= 100 else f"{value:.4f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def reading(value: float) -> str:
    """A measured number as people read it: four digits, or one decimal where that is more."""
    return number(value if abs(value) >= 1000 else float(f"{value:.4g}"))


def duration(text: object) -> int:
    """Milliseconds of `90s`, `10m`, `1h` or `7d`. Raises ValueError."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{text!r} is not a duration, write a whole number and s, m, h or d, such as 90s, 10m, 1h")
    ms = int(found[1]) * UNIT_MS[found[2]]
    if ms > DURATION_MS_MAX:
        raise ValueError(f"{text!r} is longer than 32d")
    return ms


def duration_text(ms: int) -> str:
    """The shortest spelling of a duration: 3600000 is `1h`."""
    for unit in ("d", "h", "m"):
        if ms and ms % UNIT_MS[unit] == 0:
            return f"{ms // UNIT_MS[unit]}{unit}"
    return f"{number(ms / 1000)}s"


def duration_zh(ms: int) -> str:
    """The same in a Chinese sentence, where `10m` would be ten metres: 10 分钟."""
    text = duration_text(ms)
    return f"{text[:-1]} {_UNIT_ZH[text[-1]]}"


def share(text: object) -> float:
    """0.75 of `75%`. Raises ValueError."""
    found = _SHARE.fullmatch(text) if isinstance(text, str) else None
    if found is None or float(found[1]) > 100:
        raise ValueError(f"{text!r} is not a share, write a percentage such as 75%")
    return float(found[1]) / 100


def limit(text: object) -> Limit:
    """The limit of `> 75`. Raises ValueError."""
    found = _LIMIT.fullmatch(text.strip(" ")) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f'{text!r} is not a limit, write >, >=, < or <= and a number in quotes, such as "> 75"')
    return Limit(found[1], float(found[2]), found[3] == "%")


def clock(text: object) -> int:
    """Minutes since midnight of `06:30`; `24:00` ends a day. Raises ValueError."""
    found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found is not None else -1
    if not 0 <= minutes <= 1440:
        raise ValueError(f'{text!r} is not a time of day, write it in quotes, such as "06:30"')
    return minutes


def can_match(pattern: str) -> bool:
    """Whether there may be a name that the pattern matches."""
    return _PATTERN.fullmatch(pattern) is not None
