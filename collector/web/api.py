"""The open API: stations, readings and alerts as JSON and CSV, read-only, without login, for everybody.

An answer is the same bytes for the same question, so that it can be cached (ETag) and compared.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.stores.store import StoreDown
from collector.web import history, query
from collector.web.openapi import document
from collector.web.parameters import ALERTS, READINGS, STATIONS
from collector.web.query import BadQuery
from collector.web.site import AlertView, Site, Station
from collector.web.words import TEXTS
from wire.quantities import QUANTITIES

ROOT: Final = "/api/v1"
LICENCE: Final = "CC-BY-4.0"
_DAY_MS = 86_400_000
_HEADERS = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}


class Api:
    """Handlers of the open API."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[Route]:
        answers = {"/stations": self.stations, "/readings": self.readings, "/alerts": self.alerts}
        routes = [Route(ROOT + path, _checked(handler)) for path, handler in answers.items()]
        return [*routes, Route(ROOT + "/openapi.json", self.openapi)]

    async def openapi(self, request: Request) -> Response:
        """The description of everything below."""
        paths = {"/stations": STATIONS, "/readings": READINGS, "/alerts": ALERTS}
        text = document(ROOT, self._site.title_en, paths, {k: history.columns(k) for k in history.KINDS})
        return _cached(request, json.dumps(text, ensure_ascii=False).encode(), "application/json", 3600)

    async def stations(self, request: Request) -> Response:
        """All stations by name of node."""
        asked = query.read(request.query_params.multi_items(), STATIONS)
        limit = asked.get("limit", 100)
        stations = sorted(self._site.stations(), key=lambda station: station.node)
        rest = [station for station in stations if station.node > asked.get("after", "")]
        page = [self._station(station) for station in rest[:limit]]
        if asked.get("format") == "csv":
            flat = [row | {"name_zh": row["name"]["zh"], "name_en": row["name"]["en"]} for row in page]
            names = ("node", "site", "name_zh", "name_en", "lat_deg", "lon_deg", "height_m", "online", "latest")
            return _csv(request, names, flat, 10)
        following = None
        if len(rest) > limit:
            following = f"{ROOT}/stations?" + urlencode({"after": page[-1]["node"], "limit": limit})
        return _json(request, {"stations": page, "next": following}, 10)

    def _station(self, station: Station) -> dict[str, Any]:
        zone = ZoneInfo(self._site.time_zone)
        return {
            "node": station.node,
            "site": station.site,
            "name": {"zh": station.name_zh, "en": station.name_en},
            "lat_deg": station.lat_deg,
            "lon_deg": station.lon_deg,
            "height_m": station.height_m,
            "online": station.online,
            "latest": None if station.last_ms is None else _iso(station.last_ms, zone),
            "sensors": [{"name": sensor.name, "profile": sensor.profile} for sensor in station.sensors],
        }

    async def alerts(self, request: Request) -> Response:
        """The alerts of today and those that still stand."""
        asked = query.read(request.query_params.multi_items(), ALERTS)
        alerts = [alert for alert in self._site.alerts() if asked.get("state", alert.state) == alert.state]
        return _json(request, {"alerts": [self._alert(alert) for alert in alerts]}, 5)

    def _alert(self, alert: AlertView) -> dict[str, Any]:
        names = ("fingerprint", "state", "severity", "rule", "node", "quantity", "value", "threshold", "unit")
        told = {name: getattr(alert, name) for name in names}
        since = _iso(alert.since_ms, ZoneInfo(self._site.time_zone))
        return told | {"text": {"zh": alert.text_zh, "en": alert.text_en}, "since": since}

    async def readings(self, request: Request) -> Response:
        """Windows of one station, a page at a time."""
        asked = query.read(request.query_params.multi_items(), READINGS)
        node, kind = asked["node"], asked.get("kind", "air_quality")
        every = asked.get("every", "5m")
        if kind == "traffic_flow" and every != history.TRAFFIC_EVERY:
            raise BadQuery("bad-value", "every", f"every: traffic comes in {history.TRAFFIC_EVERY} only")
        if not any(station.node == node for station in self._site.stations()):
            raise BadQuery("unknown-node", "node", f"node: no such station; {ROOT}/stations lists them")
        every_ms = history.EVERY_MS[every]
        now_ms = self._site.now_ms()
        until_ms = asked.get("to", now_ms)
        since_ms = asked.get("from", until_ms - _DAY_MS) // every_ms * every_ms
        if since_ms >= until_ms:
            raise BadQuery("bad-range", "from", "from: must be before to")
        end_ms = min(until_ms, since_ms + asked.get("limit", 288) * every_ms)
        zone = asked.get("tz", ZoneInfo(self._site.time_zone))
        rows = await run_in_threadpool(history.windows, self._site.store, kind, node, since_ms, end_ms, every_ms)
        names = ("time", *history.columns(kind)[1:])
        told = [_public(row, names, zone) for row in rows]
        age_s = 3600 if end_ms < now_ms - _DAY_MS else 10
        following = None
        if end_ms < until_ms:
            again = dict(request.query_params) | {"from": _iso(end_ms, zone), "to": _iso(until_ms, zone)}
            following = f"{ROOT}/readings?{urlencode(again)}"
        if asked.get("format") == "csv":
            return _csv(request, names, told, age_s, following)
        units = {name: QUANTITIES[name].unit for name in history.fields(kind)}
        head = {"node": node, "kind": kind, "every_s": every_ms // 1000, "units": units, "licence": LICENCE}
        notice = dict(zip(("zh", "en"), TEXTS["notice"], strict=True))
        return _json(request, {**head, "notice": notice, "rows": told, "next": following}, age_s)


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


def refusal(
    status: int, reason: str, message: str, parameter: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An error as programs read it."""
    body = {"error": {"reason": reason, "parameter": parameter, "message": message}}
    return JSONResponse(body, status, headers={**_HEADERS, "Cache-Control": "no-store", **(headers or {})})


def _public(row: Mapping[str, Any], names: Sequence[str], zone: ZoneInfo) -> dict[str, Any]:
    told = {**row, "time": _iso(row["time_ms"], zone), "masked": list(row["masked"])}
    return {name: round(told[name], 3) if isinstance(told[name], float) else told[name] for name in names}


def _json(request: Request, body: Mapping[str, Any], age_s: int) -> Response:
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _cached(request, text.encode(), "application/json", age_s)


def _csv(
    request: Request, names: Sequence[str], rows: Sequence[Mapping[str, Any]], age_s: int, following: str | None = None
) -> Response:
    out = io.StringIO()
    out.write(f"# {' '.join(TEXTS['notice'])} {LICENCE}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    response = _cached(request, out.getvalue().encode(), "text/csv; charset=utf-8", age_s)
    if following is not None:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def _cell(value: Any) -> Any:
    """A CSV cell; a text that a spreadsheet would take for a formula gets an apostrophe."""
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def _cached(request: Request, body: bytes, media_type: str, age_s: int) -> Response:
    """The body, or 304 when the client has these very bytes."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**_HEADERS, "ETag": etag, "Cache-Control": f"public, max-age={age_s}"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _iso(time_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(time_ms / 1000, zone).isoformat(timespec="seconds")
