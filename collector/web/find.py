"""Which stations a reader means who types a part of a name, and so many of them at a time."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from collector.web.site import Station

TEXT_MAX: Final = 64


class Leaf(NamedTuple):
    """One page of the stations that were asked for."""

    stations: Sequence[Station]
    wanted: str
    found: int
    number: int
    pages: int

    def at(self, number: int) -> dict[str, str | int]:
        """What an address asks for that leads to that page; of the first of all stations nothing."""
        page: dict[str, str | int] = {"page": number} if number > 1 else {}
        return page | ({"find": self.wanted} if self.wanted else {})


def leaf(query: Mapping[str, str], stations: Sequence[Station], most: int) -> Leaf | None:
    """The page that an address asks for, with `most` stations; None when there is no such page."""
    wanted = asked(query)
    found = find(stations, wanted)
    pages = max(1, -(-len(found) // most))
    text = query.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= pages):
        return None
    number = int(text)
    return Leaf(found[(number - 1) * most :][:most], wanted, len(found), number, pages)


def asked(query: Mapping[str, str]) -> str:
    """What a page's address asks for, cut to a sensible length."""
    return query.get("find", "").strip()[:TEXT_MAX]


def find(stations: Sequence[Station], text: str) -> Sequence[Station]:
    """Those that have every word of `text` in a name of theirs, in either language, or in their node or site.

    Wide and narrow letters, large and small ones are the same. All of them when nothing is asked for.
    """
    words = _plain(text).split()
    if not words:
        return stations
    return [one for one in stations if _has(_plain(f"{one.name_zh} {one.name_en} {one.node} {one.site}"), words)]


def _has(names: str, words: Sequence[str]) -> bool:
    return all(word in names for word in words)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
