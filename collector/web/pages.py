"""The public pages: the city and each station, in Chinese and English, and the stream that keeps them current."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collector.stores.store import StoreDown
from collector.web import find
from collector.web.alert_lists import pressing, sort_alerts
from collector.web.desk.reports import KINDS, Reports
from collector.web.live import Live, Page, Sight, stream
from collector.web.memo import Memo, answer
from collector.web.privacy import public_alerts
from collector.web.readings import View, hour_last_week
from collector.web.render import Renderer
from collector.web.site import Site, Station
from collector.web.summary import Summary
from collector.web.trend import SPANS, past_of
from collector.web.views import FRESH_S, Views, ask
from collector.web.words import Language
from wire.names import is_node

STATIONS_A_PAGE = 12
_YEAR_S = 365 * 86400

More = Callable[[bool], dict[str, Any]]
"""Asks for what else a page tells, in a thread that may wait; told whether the database is down."""


class PutOut:
    """Stations that are out of service, known for a second: every card of every page asks. From any thread."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._found: tuple[float, set[str]] = (-math.inf, set())

    def __call__(self) -> set[str]:
        if time.monotonic() - self._found[0] >= FRESH_S:
            self._found = time.monotonic(), self._reports.retired()
        return self._found[1]


class Pages:
    """Handlers of the public pages."""

    def __init__(
        self,
        site: Site,
        renderer: Renderer,
        views: Views,
        live: Live,
        reports: Reports,
        put_out: PutOut,
        slots: int,
    ) -> None:
        self._site = site
        self._renderer = renderer
        self._views = views
        self._live = live
        self._reports = reports
        self._put_out = put_out
        self._memo = Memo(FRESH_S, slots)

    def routes(self) -> list[Route]:
        return [
            Route("/", self.city),
            Route("/en/", self.city),
            Route("/station/{node}", self.station),
            Route("/en/station/{node}", self.station),
            Route("/wall", self.wall),
            Route("/en/wall", self.wall),
            Route("/events", self.events),
            Route("/map/{key}.svg", self.ground),
        ]

    async def city(self, request: Request) -> Response:
        leaf = find.leaf(request.query_params, self._site.stations(), STATIONS_A_PAGE)
        if leaf is None:
            raise HTTPException(404, "not_found")

        def values(_: bool) -> dict[str, Any]:
            told = {"leaf": leaf, "asked": leaf.at(leaf.number)}
            return told | {"reports": self._reports.newest(), "changes": self._reports.newest_changes()}

        return await self._show(request, "city.html", "/", leaf.stations, values, wanted=leaf.wanted)

    async def station(self, request: Request) -> Response:
        node = request.path_params["node"]
        station = self._site.station(node)
        if station is None:
            raise HTTPException(404, "not_found_station")
        reported = "reported" in request.query_params
        length = request.query_params.get("span", "day")
        if length not in SPANS:
            raise HTTPException(404, "not_found")

        def values(store_down: bool) -> dict[str, Any]:
            told: dict[str, Any] = {"station": station, "report_kinds": KINDS, "reported": reported, "spans": SPANS}
            told |= {"reports": self._reports.of(node), "changes": self._reports.changes(node)}
            told |= {"last_week": None, "past": None, "asked": {"span": length} if length != "day" else {}}
            told |= {"corrections": {record.sensor: record for record in self._site.corrections(node)}}
            if not store_down:
                with suppress(StoreDown):  # the page says so itself
                    told["past"] = past_of(self._site, node, length)
                    zone = self._site.reporting(node).zone
                    told["last_week"] = hour_last_week(self._site.store, node, self._site.now_ms(), zone)
            return told

        return await self._show(request, "station.html", f"/station/{node}", [station], values, reported, length)

    async def _show(
        self,
        request: Request,
        template: str,
        path: str,
        shown: Sequence[Station],
        values: More = lambda _: {},
        anew: bool = False,
        length: str = "",
        wanted: str = "",
    ) -> Response:
        """A page about the stations `shown`, remembered for a second unless it must be made `anew`."""
        colours = request.query_params.get("colours") or request.cookies.get("colours")
        language, safe = language_of(request), colours == "safe"
        nodes = [station.node for station in shown]

        async def make() -> str:
            return await self._make(template, language, path, nodes, lambda down: {"safe": safe} | values(down))

        key = uuid.uuid4() if anew else (template, language, path, tuple(nodes), safe, length, wanted)
        response = answer(request, await self._memo.get(key, make), {"Cache-Control": "no-cache", "Vary": "Cookie"})
        if "colours" in request.query_params:
            response.set_cookie("colours", "safe" if safe else "official", max_age=_YEAR_S, samesite="lax")
        return response

    async def _make(self, template: str, language: Language, path: str, nodes: list[str], more: More) -> str:
        views: list[View] = []
        store_down = False
        try:
            views = await self._views.fresh(nodes)
        except StoreDown:
            views, store_down = self._views.known(nodes), True
        page = {"/": "city", "/wall": "wall"}.get(path, "station")
        city = page != "station"
        alerts = [one for one in sort_alerts(public_alerts(self._site.alerts())) if city or one.node in nodes]
        told: dict[str, Any] = {
            "path": path,
            "summary": self._views.summary() if city else Summary(views, self._site),
            "cards": views,
            "alerts": alerts,
            "events": f"/events?lang={language}&nodes={','.join(nodes)}&page={page}",
            "store_down": store_down,
        }
        try:
            told |= await ask(partial(more, store_down))
        except StoreDown:
            told |= await run_in_threadpool(more, True) | {"store_down": True}
        return await run_in_threadpool(lambda: self._renderer.page(template, language, **told))

    async def events(self, request: Request) -> Response:
        """The stream for a page in `lang` that shows the stations `nodes`."""
        asked = request.query_params.get("nodes", "")
        nodes = tuple(asked.split(",")) if asked else ()
        if len(nodes) > STATIONS_A_PAGE or not all(map(is_node, nodes)):
            return PlainTextResponse(f"nodes: at most {STATIONS_A_PAGE} names, with commas between\n", 400)
        known = self._site.by_node()
        language: Language = "en" if request.query_params.get("lang") == "en" else "zh"
        page: Page = "station"
        if request.query_params.get("page") in ("city", "wall"):
            page = "city" if request.query_params["page"] == "city" else "wall"
        return stream(request, self._live, Sight(language, tuple(node for node in nodes if node in known), page))

    async def ground(self, request: Request) -> Response:
        """What lies under the stations on a map, as pages refer to it."""
        backdrop = self._site.backdrop
        picture = backdrop.picture(request.path_params["key"]) if backdrop is not None else None
        if picture is None:
            raise HTTPException(404, "not_found")
        return Response(picture, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=604800"})

    async def wall(self, request: Request) -> Response:
        """The screen on the wall: stations, big, those first that need somebody; it renews itself."""
        gone = await run_in_threadpool(self._put_out)
        first = pressing(self._views.all(), public_alerts(self._site.alerts()))
        stations = [view.station for view in first] or self._site.stations()
        stations = [station for station in stations if station.node not in gone][:STATIONS_A_PAGE]
        return await self._show(request, "wall.html", "/wall", stations)


def language_of(request: Request) -> Language:
    return "en" if request.url.path.startswith("/en/") else "zh"
