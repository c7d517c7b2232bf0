"""Numbers as people and files spell them, in ASCII digits.

`int()` and `float()` would also take `12_5` as 125, full-width and Arabic digits, `nan` and `inf`.
"""

from __future__ import annotations

import re
from math import isinf

_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[-+]?[0-9]{1,19}")


def number(text: str) -> float:
    """The number that `12.5`, `-3` or `1e-05` spells; spaces around it are none of it. Raises ValueError."""
    if not _NUMBER.fullmatch(text.strip()) or isinf(found := float(text)):
        raise ValueError(f"{text!r} is no number")
    return found


def whole(text: str) -> int:
    """The same of a whole number. Raises ValueError."""
    if not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is no whole number")
    return int(text)
