"""In which language a command speaks to the person who typed it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from wire.both import Language, in_language

OURS = "LAMPPOST_LANGUAGE"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # in the order in which every program asks them


def language(environ: Mapping[str, str] = os.environ) -> Language:
    """Chinese where `LAMPPOST_LANGUAGE` says zh, or where only the locale speaks, and that of Chinese."""
    named = environ.get(OURS)
    if not named and environ.get("TERM") != "linux":  # the board's own screen has no Chinese signs
        named = next((environ[name] for name in _LOCALE if environ.get(name)), "")
    return "zh" if (named or "").lower().startswith("zh") else "en"


def told(text: str) -> str:
    """The text in the language of who typed this command."""
    return in_language(text, language())
