"""Threads that nobody waits for. Python's own hold up the end of the loop, and of the program, until each has ended:
a broker that takes no connection would keep an agent that begins anew from its sensors, and so would a blinking LED.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Unawaited(ThreadPoolExecutor):
    """What a loop does beside itself, each in a thread of its own that ends with the process at the latest."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begin it now."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        Thread(target=_do, args=(partial(fn, *args, **kwargs), future), daemon=True).start()
        return future


def _do(what: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(what())
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
        future.set_exception(error)
