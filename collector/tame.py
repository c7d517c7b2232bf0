"""What a node says, fit for an operator's terminal. Pure.

A terminal obeys control characters: a node that somebody else holds could hide its answer, write over that of another
or change the window's title. Line ends and tabs stay, and so does text of any language, but for halves of characters:
no file or terminal takes those.
"""

from __future__ import annotations

import re
from typing import Any, Final

_OBEYED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)")
_ENDS: Final = re.compile("[\t-\r\u2028\u2029]+")


def tame(said: Any) -> Any:
    """A JSON value with U+FFFD for each character that a terminal obeys, that turns text around or is but a half."""
    if isinstance(said, str):
        return _OBEYED.sub("\ufffd", said)
    if isinstance(said, list):
        return [tame(each) for each in said]
    if isinstance(said, dict):
        return {tame(name): tame(value) for name, value in said.items()}
    return said


def one_line(said: str) -> str:
    """A text that cannot begin a line of its own either: for lists with one line for each thing."""
    return str(tame(_ENDS.sub(" ", said)))
