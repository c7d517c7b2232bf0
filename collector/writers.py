"""Threads that wait for the store, so that others go on meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Writers:
    """A pool of them; `wake` is called, in the pool's thread, after each answer."""

    def __init__(self, threads: int, wake: Callable[[], None]) -> None:
        self._pool = ThreadPoolExecutor(threads, "store")
        self._wake = wake

    def stop(self) -> None:
        """Wait for the last answers."""
        self._pool.shutdown()

    def aside(self, work: Callable[[], T]) -> Future[T]:
        """Have it done by one of them."""
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._wake())
        return future
