"""Where an exception that nobody foresaw came from. Pure."""

from __future__ import annotations


def place_of(error: BaseException) -> tuple[str, int]:
    """File and line of the innermost frame; `?` and 0 of an exception that was never raised."""
    where = error.__traceback__
    if where is None:
        return "?", 0
    while where.tb_next is not None:
        where = where.tb_next
    return where.tb_frame.f_code.co_filename, where.tb_lineno
