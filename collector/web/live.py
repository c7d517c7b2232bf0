"""Live pages: one task listens to the feed, renders what changed once for all who look at it, and passes it on.

A message is a piece of HTML made by the page's own templates; the script in the page puts each part where it belongs.
So the page a reader gets at first and the page it becomes are the work of one hand. Nobody is sent a part that is as it
was: two hundred alerts are half a megabyte, and change seldom. Ages do not, for the page counts them by itself.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from collector.stores.store import StoreDown
from collector.web.alert_lists import sort_alerts
from collector.web.privacy import public_alerts
from collector.web.render import Renderer
from collector.web.site import Site
from collector.web.summary import Summary
from collector.web.views import Views
from collector.web.words import Language

log = logging.getLogger("lamppost.web")

BEAT_S = 1.0  # news of one second make one message
PAUSE_S_MAX = 10.0
REFRESH_S = 30.0  # everything is told anew so often: nobody brings the news that a station is silent
KEEP_ALIVE_S = 15.0
STILL_HERE: Final = b"data:\n\n"  # a script hears of no comment; without a word for three times as long it asks anew
READERS_MAX = 1000


Page = Literal["city", "station", "wall", "ops", "ops_station"]
_OF_ALL: Final = ("ops", "wall")
_OF_OPERATORS: Final = ("ops", "ops_station")
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # else nginx gathers pages of it first
_GZIP: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""How a gzip stream begins (RFC 1952)."""


class Sight(NamedTuple):
    """What a reader looks at: a kind of page, and the stations whose cards it shows."""

    language: Language
    nodes: tuple[str, ...]
    page: Page


_MESSAGES: Final[dict[Page, str]] = {
    "city": "live.html",
    "station": "live.html",
    "ops": "ops_live.html",
    "wall": "wall_live.html",
    "ops_station": "ops_station_live.html",
}


_ROW: Final = "row/"
_PART: Final = re.compile(r'^(?=\s*<[^>\n]*\bdata-live="([^"]+)")', re.MULTILINE)


def parts_of(html: str) -> dict[str, str]:
    """The parts of a page by the names under which they are kept current."""
    _, *split = _PART.split(html)
    return dict(zip(split[::2], split[1::2], strict=True))


class Reader:
    """One open page: what it should show, and what of it its reader was sent. Who is slow is sent the newest only.

    The parts are the same objects for all who look at the same: a thousand readers who take nothing must cost little.
    """

    def __init__(self, looks_at: Sight) -> None:
        self.looks_at = looks_at
        self._shows: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._woken = asyncio.Event()
        self._closed = False

    def put(self, parts: Mapping[str, str]) -> None:
        """Show these parts instead of those of the same names. A row that is no longer listed would be told anew."""
        for name in [name for name in self._shows if name.startswith(_ROW) and name not in parts]:
            del self._shows[name]
            self._told.pop(name, None)
        self._shows |= parts
        if self._shows != self._told:
            self._woken.set()

    def close(self) -> None:
        self._closed = True
        self._woken.set()

    async def stream(self) -> AsyncIterator[bytes]:
        """Server-sent events, an empty one when nothing happens, the end when the program stops."""
        yield b"retry: 2000\n\n"
        while not self._closed:
            try:
                await asyncio.wait_for(self._woken.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield STILL_HERE
                continue
            self._woken.clear()
            changed = tuple(part for name, part in self._shows.items() if self._told.get(name) != part)
            self._told |= self._shows
            if changed:
                yield _event(changed)


@lru_cache(maxsize=16)
def _event(parts: tuple[str, ...]) -> bytes:
    """One event: the same bytes for all who are sent the same. A lone CR ends a line of it too, as of a page."""
    lines = "".join(parts).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return ("".join(f"data: {line}\n" for line in lines) + "\n").encode()


@lru_cache(maxsize=16)
def _packed(piece: bytes) -> bytes:
    """A piece of any gzip stream: it refers to nothing before it, so that all readers are sent the same bytes."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)


class Live:
    """The readers and the task that serves them. All of it runs on the event loop but `close`."""

    def __init__(self, site: Site, renderer: Renderer, views: Views) -> None:
        self.readers: set[Reader] = set()
        self._site = site
        self._renderer = renderer
        self._views = views
        self._woken = asyncio.Event()
        self._store_down = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self, sight: Sight) -> Reader | None:
        """A new reader, or None when there are too many; the operators' desk has room however many citizens look on."""
        if len(self.readers) >= READERS_MAX and sight.page not in _OF_OPERATORS:
            return None
        reader = Reader(sight)
        self.readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        self.readers.discard(reader)

    def close(self) -> None:
        """End every stream, so that the server can stop. May be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        for reader in self.readers:
            reader.close()

    async def run(self) -> None:
        """Serve for ever; cancelled at the end."""
        loop = self._loop = asyncio.get_running_loop()
        subscription = self._site.feed.subscribe(lambda: loop.call_soon_threadsafe(self._woken.set))
        missed, refreshed_s = 0, time.monotonic()
        try:
            while True:
                await self._news(refreshed_s + REFRESH_S)
                began_s, events = time.monotonic(), subscription.take()
                refresh = began_s >= refreshed_s + REFRESH_S or subscription.dropped > missed
                missed = subscription.dropped
                if refresh:
                    refreshed_s = began_s
                try:
                    await self._beat(events, refresh)
                except Exception:  # the task must outlive one message that cannot be made
                    log.exception("a live message could not be made; readers keep what they have")
                await asyncio.sleep(pause_s(time.monotonic() - began_s))
        finally:
            self._site.feed.unsubscribe(subscription)

    async def _news(self, until_s: float) -> None:
        """Wait for news, but not beyond a time of the monotonic clock."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), until_s - time.monotonic())
            self._woken.clear()

    async def _beat(self, events: Sequence[Mapping[str, Any]], refresh: bool) -> None:
        """Tell everybody who looks at what changed; at a refresh, of everything: it is time, or news were missed."""
        watched = {node for reader in self.readers for node in reader.looks_at.nodes}
        news = watched if refresh else watched & {str(event["node"]) for event in events if "node" in event}
        alerts_moved = refresh or any(event.get("type") == "alert" for event in events)
        if not self.readers or not (news or alerts_moved or events):
            return
        if news:
            self._store_down = await self._is_silent_of(news)
        if self._store_down and not refresh:
            news = set()  # nothing is known anew; alerts, and what is wrong here, are known without it
        await self._tell(news, alerts_moved, refresh)

    async def _is_silent_of(self, nodes: set[str]) -> bool:
        """Whether the database does not say how it is with these now."""
        try:
            await self._views.fresh(nodes, age_s=0)
        except StoreDown:
            return True
        return False

    async def _tell(self, news: set[str], alerts_moved: bool, refresh: bool) -> None:
        whole = self._views.summary(age_s=0)
        views = {view.station.node: view for view in whole.views}
        alerts = sort_alerts(self._site.alerts())
        public = public_alerts(alerts)
        messages: dict[Sight, dict[str, str]] = {}
        for reader in tuple(self.readers):
            sight = reader.looks_at
            if not alerts_moved and sight.page not in _OF_ALL and news.isdisjoint(sight.nodes):
                continue
            if sight not in messages:
                changed = [views[node] for node in sight.nodes if node in news and node in views]
                about, told = whole, alerts if sight.page in _OF_OPERATORS else public
                if sight.page in ("station", "ops_station"):
                    about = Summary([views[node] for node in sight.nodes if node in views], self._site)
                    told = [one for one in told if one.node in sight.nodes]
                shown = {"summary": about, "changed": changed, "alerts": told, "city": sight.page == "city"}
                shown |= {"store_down": self._store_down, "maps": refresh}  # large, and their levels are of an hour
                html = await run_in_threadpool(
                    self._renderer.page, _MESSAGES[sight.page], sight.language, **shown, ages=False
                )
                messages[sight] = parts_of(html)
            reader.put(messages[sight])


def pause_s(took_s: float) -> float:
    """How long to rest after a beat that took so long.

    At most a fifth of the time is spent on messages, however many read: the readings that arrive take turns with them.
    A beat that waited for the database is no reason to be silent for minutes.
    """
    return min(max(BEAT_S, 4 * took_s), PAUSE_S_MAX)


def stream(request: Request, live: Live, sight: Sight, lasts: Callable[[], bool] | None = None) -> Response:
    """The answer that keeps a page current, for as long as `lasts` says yes, or 503 when too many read already."""
    packs = "gzip" in request.headers.get("accept-encoding", "")
    reader = live.open(sight)
    if reader is None:
        return PlainTextResponse("too many readers, try again\n", 503, {"Retry-After": "30"})

    async def pieces() -> AsyncIterator[bytes]:
        try:
            if packs:
                yield _GZIP
            async for piece in reader.stream():
                if lasts is not None and not await run_in_threadpool(lasts):
                    return
                yield _packed(piece) if packs else piece
        finally:
            live.leave(reader)

    headers = {**_HEADERS, "Vary": "Accept-Encoding", **({"Content-Encoding": "gzip"} if packs else {})}
    return StreamingResponse(pieces(), media_type="text/event-stream", headers=headers)
