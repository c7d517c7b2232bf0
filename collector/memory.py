"""The memory of a program that makes many small objects and hardly a cycle, and large requests in several threads."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

YOUNG = 50_000
OLD = 20
LARGE_BYTES = 256 * 1024
HEAPS = 2
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h


def calm_garbage_collector() -> None:
    """Call once when everything is loaded: what is there stays, and the young are looked at in larger lots.

    A batch is some hundred objects that live until the database has answered. With Python's defaults (700 objects, ten
    times ten) each is looked at several times while it waits, which costs a tenth of the hot path and finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, OLD, OLD)


def give_back_what_is_large() -> None:
    """Call before the first thread: requests and answers of the database go back to the system when they are done.

    glibc gives each thread a heap of its own and learns to keep what was large once: two megabytes here and there for
    ever. Elsewhere than on glibc nothing happens.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_ARENA_MAX, HEAPS)
