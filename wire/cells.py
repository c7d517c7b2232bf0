"""How much of a terminal's line a text takes: a Chinese sign has two cells. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from unicodedata import east_asian_width

_OPENING, _CLOSING = "（「《", "，。；：？！、）」》…"


def width_of(text: str) -> int:
    """Its cells."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def padded(text: str, width: int) -> str:
    """The text with spaces behind it, up to a width."""
    return text + " " * (width - width_of(text))


def clipped(text: str, width: int) -> str:
    """What of the text has room in a width."""
    while width_of(text) > width:
        text = text[:-1]
    return text


def wrapped(text: str, width: int, break_long_words: bool = True) -> list[str]:
    """Lines of that width. Between Chinese signs a line may end, but not before what closes or behind what opens."""
    if text.isascii() or width_of(text) == len(text):
        return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=break_long_words)
    lines = [""]
    for gap, piece in _pieces(text):
        longer = lines[-1] + gap + piece if lines[-1] else piece
        if width_of(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(piece)
    if break_long_words:
        return [part for line in lines for part in (textwrap.wrap(line, width) if width_of(line) > width else [line])]
    return lines


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """What stays together, and the gap before it: a word, or a Chinese sign with the marks that belong to it."""
    for at, word in enumerate(text.split()):
        gap, piece = " " if at else "", ""
        for sign in word:
            parts = width_of(piece[-1:]) == 2 or width_of(sign) == 2
            if piece and parts and sign not in _CLOSING and piece[-1] not in _OPENING:
                yield gap, piece
                gap, piece = "", ""
            piece += sign
        yield gap, piece
