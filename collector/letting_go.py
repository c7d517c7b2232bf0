"""Errors that were dealt with hold nothing."""

from __future__ import annotations

from traceback import clear_frames


def let_go(error: BaseException | None) -> None:
    """Have an error that is dealt with let go of the functions that it came through, and of what these hold.

    urllib3's hold the error too, a ring with the request in it. Half a megabyte a try stayed until the garbage
    collector came by, which is seldom here (memory.py).
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
