"""What is repeated for days may leave nothing to the garbage collector, which comes by seldom (collector/memory.py)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def none_is_left() -> Iterator[None]:
    """Fails when what is done inside leaves a ring of references behind."""
    gc.collect()
    gc.disable()
    try:
        yield
        left = gc.collect()
    finally:
        gc.enable()
    assert left == 0, f"{left} objects are left to the garbage collector"
