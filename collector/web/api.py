"""The open API: stations, readings, concentrations, indices and alerts, read-only, without login, for everybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.numbers.reporting import Reporting, is_of
from collector.stations.station_query import PARTS, concentrations, indices
from collector.stores import care
from collector.stores.store import StoreDown
from collector.web import history, query
from collector.web.openapi import document
from collector.web.parameters import ALERTS, CONCENTRATIONS, INDICES, READINGS, STATIONS
from collector.web.privacy import public_alerts, told_until
from collector.web.query import BadQuery, Parameter
from collector.web.replies import LICENCE, NOTICE, as_csv, as_json, cached, is_csv, refusal, told
from collector.web.site import AlertView, Site, Station
from collector.web.views import Views
from collector.zones import iso
from wire.quantities import QUANTITIES
from wire.times import DAY_MS, HOUR_MS, MINUTE_MS

P = ParamSpec("P")
T = TypeVar("T")

ROOT: Final = "/api/v1"
PATHS: Final[dict[str, Sequence[Parameter]]] = {
    "/stations": STATIONS,
    "/readings": READINGS,
    "/concentrations": CONCENTRATIONS,
    "/indices": INDICES,
    "/alerts": ALERTS,
}
CONCENTRATION: Final = (
    *("time", "node", "sensor", "quantity", "mean", "low", "high", "unit", "n", "completeness", "qc", "flags"),
)
INDEX: Final = (
    *("time", "node", "sensor", "standard", "edition", "period", "value", "level", "category", "primary"),
    *("completeness", *PARTS),
)
_WINDOW_MS: Final = {"1m": MINUTE_MS, "1h": HOUR_MS, "1d": DAY_MS}
_FRESH_S, _SETTLED_S = 10, 3600
PATIENCE_S: Final = 5.0
_STATION = ("node", "site", "name_zh", "name_en", "lat_deg", "lon_deg", "height_m", "online", "latest", "standards")


class Span(NamedTuple):
    """The part of a question that is answered now: [since, end), and until when the whole of it goes."""

    node: str
    since_ms: int
    end_ms: int
    until_ms: int
    zone: ZoneInfo
    reporting: Reporting


class Api:
    """Handlers of the open API."""

    def __init__(self, site: Site, views: Views, slots: asyncio.Semaphore) -> None:
        self._site = site
        self._views = views
        self._slots = slots
        self._zone = ZoneInfo(site.time_zone)

    def routes(self) -> list[Route]:
        handlers = (self.stations, self.readings, self.concentrations, self.indices, self.alerts)
        routes = [Route(ROOT + path, _checked(handler)) for path, handler in zip(PATHS, handlers, strict=True)]
        return [*routes, Route(ROOT + "/openapi.json", self.openapi)]

    async def openapi(self, request: Request) -> Response:
        """The description of everything below."""
        rows = {kind: history.columns(kind) for kind in history.KINDS}
        text = document(ROOT, self._site.title_en, PATHS, rows, CONCENTRATION, INDEX)
        return cached(request, json.dumps(text, ensure_ascii=False).encode(), "application/json", _SETTLED_S)

    async def stations(self, request: Request) -> Response:
        """All stations by name of node."""
        asked = query.read(request.query_params.multi_items(), STATIONS)
        limit = asked.get("limit", 100)
        stations = sorted(self._site.stations(), key=lambda station: station.node)
        rest = [station for station in stations if station.node > asked.get("after", "")]
        page = [self._station(station) for station in rest[:limit]]
        following = None
        if len(rest) > limit:
            again = dict(request.query_params) | {"after": page[-1]["node"], "limit": limit}
            following = f"{ROOT}/stations?" + urlencode(again)
        if is_csv(request):
            flat = [row | {"name_zh": row["name"]["zh"], "name_en": row["name"]["en"]} for row in page]
            return as_csv(request, _STATION, flat, _FRESH_S, following)
        return as_json(request, {"stations": page, "next": following}, _FRESH_S)

    def _station(self, station: Station) -> dict[str, Any]:
        reporting = self._site.reporting(station.node)
        latest_ms = self._views.latest_ms(station.node)
        return {
            "node": station.node,
            "site": station.site,
            "name": {"zh": station.name_zh, "en": station.name_en},
            "lat_deg": station.lat_deg,
            "lon_deg": station.lon_deg,
            "height_m": station.height_m,
            "online": station.online,
            "latest": None if latest_ms is None else iso(latest_ms, self._zone),
            "sensors": [{"name": sensor.name, "profile": sensor.profile} for sensor in station.sensors],
            "standards": list(reporting.standards),
            "time_zone": reporting.zone.key,
            "gas_state": reporting.gas_state,
        }

    async def alerts(self, request: Request) -> Response:
        """The alerts of today and those that still stand."""
        asked = query.read(request.query_params.multi_items(), ALERTS)
        known = public_alerts(self._site.alerts())
        alerts = [alert for alert in known if asked.get("state", alert.state) == alert.state]
        return as_json(request, {"alerts": [self._alert(alert) for alert in alerts]}, 5)

    def _alert(self, alert: AlertView) -> dict[str, Any]:
        names = ("fingerprint", "state", "severity", "rule", "node", "quantity", "value", "threshold", "unit")
        about = {name: getattr(alert, name) for name in names}
        text = {"zh": alert.text_zh + alert.detail_zh, "en": alert.text_en + alert.detail_en}
        return about | {"text": text, "since": iso(alert.since_ms, self._zone)}

    async def readings(self, request: Request) -> Response:
        """Means of one station's readings by windows, a page at a time."""
        asked = query.read(request.query_params.multi_items(), READINGS)
        kind, every = asked.get("kind", "air_quality"), asked.get("every", "5m")
        if kind == "traffic_flow" and every != history.TRAFFIC_EVERY:
            raise BadQuery("bad-value", "every", f"every: traffic comes in {history.TRAFFIC_EVERY} only")
        every_ms = history.EVERY_MS[every]
        closed_ms = told_until(self._site.now_ms()) if kind == "traffic_flow" else None
        span = self._span(asked, every_ms, 288, whole=True, closed_ms=closed_ms)
        store = self._site.store
        rows = await self._ask(history.windows, store, kind, span.node, span.since_ms, span.end_ms, every_ms)
        names = ("time", *history.columns(kind)[1:])
        units = {name: QUANTITIES[name].unit for name in history.fields(kind)}
        head = {"node": span.node, "kind": kind, "every_s": every_ms // 1000, "units": units}
        return self._page(request, span, "/readings", head, names, rows)

    async def concentrations(self, request: Request) -> Response:
        """Roll-ups of one station's air: mean, extremes, how much was there, and what is doubted."""
        asked = query.read(request.query_params.multi_items(), CONCENTRATIONS)
        every = asked.get("every", "1h")
        span = self._span(asked, _WINDOW_MS[every], 168)
        store, zone, names = self._site.store, span.reporting.zone, asked.get("quantity", ())
        found = await self._ask(concentrations, store, span.node, zone, every, span.since_ms, span.end_ms, names)
        rows = [
            {name: getattr(row, name) for name in ("time_ms", "sensor", "quantity", *CONCENTRATION[4:7], "n", "qc")}
            | {"node": span.node, "unit": QUANTITIES[row.quantity].unit}
            | {"completeness": row.completeness, "flags": row.flags}
            for row in found
        ]
        head = {"node": span.node, "every": every, "gas_state": span.reporting.gas_state}
        return self._page(request, span, "/concentrations", head, CONCENTRATION, rows)

    async def indices(self, request: Request) -> Response:
        """Indices of one station's hours or days, each with standard and edition; NA has no value."""
        asked = query.read(request.query_params.multi_items(), INDICES)
        period = asked.get("period", "1h")
        span = self._span(asked, _WINDOW_MS[period], 168)
        wanted = (asked["standard"],) if "standard" in asked else span.reporting.standards
        found = await self._ask(indices, self._site.store, span.node, period, span.since_ms, span.end_ms)
        names = ("time_ms", "sensor", "standard", "edition", "value", "level", "category", "primary", "completeness")
        rows = [
            {name: getattr(row, name) for name in names}
            | {"node": span.node, "period": period}
            | {part: row.parts.get(part) for part in PARTS}
            for row in found
            if "all" in wanted or any(is_of(one, row.standard, row.edition) for one in wanted)
        ]
        head = {"node": span.node, "period": period, "reports": list(span.reporting.standards)}
        return self._page(request, span, "/indices", head, INDEX, rows)

    async def _ask(self, question: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Ask the database in one of the slots; who gets none within seconds is told, or a queue outlives each outage.

        Raises StoreDown.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._slots.acquire()
        except TimeoutError:
            raise StoreDown("it is at the questions of others") from None
        try:
            await run_in_threadpool(care.ask_whether_it_answers, self._site.store)
            return await run_in_threadpool(question, *given, **named)
        finally:
            self._slots.release()

    def _span(
        self,
        asked: Mapping[str, Any],
        window_ms: int,
        limit: int,
        whole: bool = False,
        closed_ms: int | None = None,
    ) -> Span:
        """The page of a question: at most its limit of windows from its start. Raises BadQuery.

        Without `from` it is the last page before `to`, the window that `to` stands in included.
        `whole` begins with a whole window of the clock; roll-ups have their own beginnings and are asked as they are.
        `closed_ms` is where the last window ends that may be told; none is then told in part.
        """
        node = asked["node"]
        if self._site.station(node) is None:
            raise BadQuery("unknown-node", "node", f"node: no such station; {ROOT}/stations lists them")
        reporting = self._site.reporting(node)
        until_ms = asked.get("to", self._site.now_ms())
        told_ms = until_ms if closed_ms is None else min(until_ms, closed_ms) // window_ms * window_ms
        page_ms = asked.get("limit", limit) * window_ms
        newest_ms = -(-told_ms // window_ms) * window_ms if whole else told_ms
        since_ms = asked.get("from", newest_ms - page_ms)
        if whole:
            since_ms = since_ms // window_ms * window_ms
        if since_ms >= until_ms:
            raise BadQuery("bad-range", "from", "from: must be before to")
        until_ms = max(since_ms, told_ms)
        end_ms = min(until_ms, since_ms + page_ms)
        return Span(node, since_ms, end_ms, until_ms, asked.get("tz", reporting.zone), reporting)

    def _page(
        self,
        request: Request,
        span: Span,
        path: str,
        head: Mapping[str, Any],
        names: Sequence[str],
        rows: Sequence[Mapping[str, Any]],
    ) -> Response:
        """Rows as JSON or CSV, with the address of the next page."""
        following = None
        if span.end_ms < span.until_ms:
            ends = {"from": span.end_ms, "to": span.until_ms}
            again = {name: iso(time_ms, span.zone, "milliseconds") for name, time_ms in ends.items()}
            following = f"{ROOT}{path}?{urlencode(dict(request.query_params) | again)}"
        age_s = _SETTLED_S if span.end_ms < self._site.now_ms() - DAY_MS else _FRESH_S
        page = [told(row, names, span.zone) for row in rows]
        if is_csv(request):
            return as_csv(request, names, page, age_s, following, span.zone.key)
        whole = {**head, "time_zone": span.zone.key, "licence": LICENCE, "notice": NOTICE}
        return as_json(request, {**whole, "rows": page, "next": following}, age_s)


Handler = Callable[[Request], Awaitable[Response]]


def _checked(handler: Handler) -> Handler:
    """Every refusal is one JSON object with a reason."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except BadQuery as error:
            status = 404 if error.reason == "unknown-node" else 400
            return refusal(status, error.reason, str(error), error.parameter)
        except StoreDown:
            return refusal(503, "store-down", "the database does not answer at the moment")

    return answer
