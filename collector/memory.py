"""Garbage collection and malloc, tuned for many small objects without cycles, and large requests in several threads."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

YOUNG = 200_000
OLD = 20
HEAPS = 2
_M_ARENA_MAX = -8  # malloc.h


def calm_garbage_collector() -> None:
    """Call once when everything is loaded: its objects are not looked at again, and new ones in larger lots.

    A batch is some hundred objects that live until the database has answered. With Python's defaults (700 objects, ten
    times ten) each is looked at several times while it waits, which costs a tenth of the hot path and finds nothing.
    Batches of a minute, as many as may wait at once, are fewer than YOUNG objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLD, OLD)


def share_heaps() -> None:
    """Call before the first thread: glibc gives each an arena of its own, and each arena keeps free memory to itself.

    Elsewhere than on glibc nothing happens. (Requests and answers given back to the system at once, by a low
    M_MMAP_THRESHOLD, would save as much again and cost a sixth of the speed: the pages must be cleared each time.)
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS)
