"""Pages made once a second however many ask: the bytes, and the same bytes packed."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

PAGES_MAX = 500


class Made(NamedTuple):
    """A page and when it was made."""

    at_s: float
    plain: bytes
    packed: bytes


class Memo:
    """Remembers each page for `age_s`. While one is being made, others who want it wait for that one."""

    def __init__(self, age_s: float) -> None:
        self._age_s = age_s
        self._pages: dict[Hashable, Made] = {}
        self._locks: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[str]]) -> Made:
        """The page of that key, made by `make` when there is none young enough."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            made = self._pages.get(key)
            if made is None or time.monotonic() - made.at_s > self._age_s:
                plain = (await make()).encode()
                packed = await run_in_threadpool(gzip.compress, plain, 5, mtime=0)
                made = Made(time.monotonic(), plain, packed)
                if len(self._pages) >= PAGES_MAX:
                    self._pages.clear()
                    self._locks = {key: lock}
                self._pages[key] = made
            return made


def answer(request: Request, made: Made, headers: dict[str, str]) -> Response:
    """The page as the client can take it."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(made.packed, media_type="text/html", headers={**headers, "Content-Encoding": "gzip"})
    return Response(made.plain, media_type="text/html", headers=headers)
