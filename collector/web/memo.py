"""Pages made once a second however many ask: the bytes, and the same bytes packed.

Nobody waits for a page that there is: one that is a little too old is given once more while the next is being made.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from contextlib import nullcontext
from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

log = logging.getLogger("lamppost.web")

PAGES_MAX: Final = 500
STILL_GOOD_S: Final = 3.0
"""A page older than this says nothing of now: who asks for it waits for a new one."""
LATELY_S: Final = 30.0
"""A page that was made within so long is one that many read."""

Make = Callable[[], Awaitable[str]]


class Made(NamedTuple):
    """A page and when it was made."""

    at_s: float
    plain: bytes
    packed: bytes


class Memo:
    """Remembers each page for `age_s`. However many want it, it is made once, in one of the `slots`.

    One of these is kept for pages that were made lately: what many read does not wait for what one reader each wants.
    """

    def __init__(self, age_s: float, slots: int) -> None:
        self._age_s = age_s
        self._pages: dict[Hashable, Made] = {}
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._making: set[asyncio.Task[Made]] = set()
        self._slots = asyncio.Semaphore(slots)
        self._slots_of_rare = asyncio.Semaphore(slots - 1)

    async def get(self, key: Hashable, make: Make) -> Made:
        """The page of that key, made by `make` when there is none young enough."""
        made = self._pages.get(key)
        old_s = self._age_s + STILL_GOOD_S if made is None else time.monotonic() - made.at_s
        if made is None or old_s > STILL_GOOD_S:
            return await self._renew(key, make)
        if old_s > self._age_s and not self._lock(key).locked():
            task = asyncio.create_task(self._renew(key, make), name="make a page anew")
            self._making.add(task)
            task.add_done_callback(self._made)
        return made

    async def _renew(self, key: Hashable, make: Make) -> Made:
        wanted_s = time.monotonic()
        async with self._lock(key):
            made = self._pages.get(key)
            if made is None or wanted_s - made.at_s > self._age_s:
                is_rare = made is None or wanted_s - made.at_s > LATELY_S
                async with self._slots_of_rare if is_rare else nullcontext(), self._slots:
                    asked_s = time.monotonic()
                    plain = (await make()).encode()
                    packed = await run_in_threadpool(gzip.compress, plain, 5, mtime=0)
                made = Made(asked_s, plain, packed)
                if len(self._pages) >= PAGES_MAX:
                    self._pages.clear()
                    self._locks = {key: self._lock(key)}
                self._pages[key] = made
            return made

    def _lock(self, key: Hashable) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    def _made(self, task: asyncio.Task[Made]) -> None:
        self._making.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a page could not be made anew; the old one stands", exc_info=task.exception())


def answer(request: Request, made: Made, headers: dict[str, str]) -> Response:
    """The page as the client can take it."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        vary = f"{headers['Vary']}, Accept-Encoding"  # of what is not packed here the middleware says so
        headers = {**headers, "Vary": vary, "Content-Encoding": "gzip"}
        return Response(made.packed, media_type="text/html", headers=headers)
    return Response(made.plain, media_type="text/html", headers=headers)
