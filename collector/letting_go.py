"""Exceptions that were handled release what their tracebacks refer to, without waiting for the garbage collector."""

from __future__ import annotations

from traceback import clear_frames


def let_go(error: BaseException | None) -> None:
    """Drop the frames of a handled error, of its cause and of its context, with the local variables in them.

    urllib3's frames refer to the error in turn, a cycle that includes the request. Half a megabyte a try stayed until
    the next garbage collection, which is seldom here (memory.py).
    """
    while error is not None:
        clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
