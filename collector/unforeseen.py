"""What to say of what breaks this program: nobody foresaw it, and a person must hear where it happened."""

from __future__ import annotations

from wire.breakdown import place_of


def words(what: str, error: Exception) -> str:
    """The alarm."""
    file, line = place_of(error)
    return f"{what} breaks this program: {type(error).__name__} at {file}:{line}. Cure: report it"
