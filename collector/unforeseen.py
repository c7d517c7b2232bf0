"""What to say of what breaks this program: nobody foresaw it, and a person must hear where it happened."""

from __future__ import annotations


def words(what: str, error: Exception) -> str:
    """The alarm."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where is not None else "?"
    return f"{what} breaks this program: {type(error).__name__} at {place}. Cure: report it"
