"""Texts in both languages of the people who read them, side by side where they are written. Pure.

Both(f"{count} bad frames", f"{count} 个坏帧")     reads as its English: to programs, logs and comparisons
in_language(text, "zh")                            its Chinese, by whoever shows it to a person
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, Language]] = ("en", "zh")


class Both(str):
    """A text that is its English, and knows its Chinese."""

    zh: str

    def __new__(cls, en: str, zh: str) -> Both:
        made = super().__new__(cls, en)
        made.zh = zh
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override] # of a str one would do
        return str(self), self.zh


def same(text: str) -> Both:
    """What has no language, such as a command or a name; a text that knows its Chinese as it is."""
    return text if isinstance(text, Both) else Both(text, text)


def zh(text: str) -> str:
    """The Chinese of a text; one that has none as it is."""
    return text.zh if isinstance(text, Both) else text


def in_language(text: str, language: Language) -> str:
    """The text as a person of that language reads it."""
    return zh(text) if language == "zh" else str(text)


def joined(between: str, texts: Iterable[str]) -> Both:
    """Several in a row."""
    parts = list(texts)
    return Both(between.join(parts), between.join(map(zh, parts)))


def one_of(names: Iterable[str]) -> Both:
    """What may be said instead."""
    known = list(names)
    return Both(f"one of {', '.join(known)}", f"可选：{'、'.join(known)}")
