"""Taking part: report a problem with a station without an account, read the answers, take the data home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from collector.web import find
from collector.web.api import CONCENTRATION, INDEX
from collector.web.api import ROOT as API
from collector.web.desk.reports import KINDS, Reports, TooManyReports
from collector.web.forms import Allowance, choice, client_of, read_form
from collector.web.history import KINDS as MEASUREMENTS
from collector.web.history import columns
from collector.web.pages import language_of
from collector.web.render import Renderer
from collector.web.replies import LICENCE
from collector.web.site import Site
from wire.times import DAY_MS, HOUR_MS

_REPORTS_AN_HOUR = 5
STATIONS_A_PAGE = 50


class TakePart:
    """Handlers of the data page and of citizens' reports."""

    def __init__(self, site: Site, renderer: Renderer, reports: Reports) -> None:
        self._site = site
        self._renderer = renderer
        self._reports = reports
        self._allowance = Allowance(_REPORTS_AN_HOUR, HOUR_MS)

    def routes(self) -> Sequence[Route]:
        handler: Callable[[Request], Any] = self.report
        return [
            Route("/data", self.data),
            Route("/en/data", self.data),
            *(Route(f"{root}/station/{{node}}/report", handler, methods=["POST"]) for root in ("", "/en")),
        ]

    async def data(self, request: Request) -> Response:
        """How to take the data home."""
        words = self._renderer.words(language_of(request))
        leaf = find.leaf(request.query_params, self._site.stations(), STATIONS_A_PAGE)
        if leaf is None:
            raise HTTPException(404, "not_found")
        told: dict[str, Any] = {
            "path": "/data",
            "safe": request.cookies.get("colours") == "safe",
            "events": None,
            "leaf": leaf,
            "asked": leaf.at(leaf.number),
            "base": str(request.base_url).rstrip("/"),
            "api": API,
            "licence": LICENCE,
            "month": words.iso(self._site.now_ms() - 30 * DAY_MS),
            "year": words.iso(self._site.now_ms() - 365 * DAY_MS),
            "concentration": CONCENTRATION,
            "index": INDEX,
            "kinds": {kind: columns(kind) for kind in MEASUREMENTS},
        }
        html = await run_in_threadpool(lambda: self._renderer.page("data.html", language_of(request), **told))
        return HTMLResponse(html, headers={"Cache-Control": "no-cache", "Vary": "Cookie"})

    async def report(self, request: Request) -> Response:
        """Keep a report and lead back to the station, where it stands."""
        node = request.path_params["node"]
        if self._site.station(node) is None:
            raise HTTPException(404, "not_found_station")
        fields = await read_form(request)
        if not self._allowance.take(client_of(request), self._site.now_ms()):
            raise HTTPException(429, "refused_often", headers={"Retry-After": "3600"})
        kind = choice(fields, "kind", KINDS)
        try:
            await run_in_threadpool(
                self._reports.submit, node, kind, fields.get("text", ""), fields.get("contact", ""), self._site.now_ms()
            )
        except ValueError:
            raise HTTPException(400, "refused_form") from None
        except TooManyReports:
            raise HTTPException(503, "refused_often") from None
        return RedirectResponse(request.url.path.removesuffix("/report") + "?reported=1#reports", 303)
