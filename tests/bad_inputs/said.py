"""What a page or the enrolment door says, and after how long that is slow."""

from __future__ import annotations

from typing import NamedTuple

SLOW_S = 1.0


class Said(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    took_s: float
