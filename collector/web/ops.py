"""The operators' pages: what is wrong, why data is missing, what was done. Behind a login."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from collector.stores.store import StoreDown
from collector.web import past
from collector.web.alert_lists import next_open, sort_alerts
from collector.web.desk.accounts import NotAccepted, Session
from collector.web.desk.desk import Desk
from collector.web.desk.handling import LENGTHS_MS, VERBS, Deed, do, do_all, end_ms, is_anothers
from collector.web.desk.reports import CHANGES
from collector.web.forms import Allowance, choice, client_of, host_of, read_form
from collector.web.live import Live, Sight, stream
from collector.web.ops_tabs import Tabs
from collector.web.pages import language_of
from collector.web.readings import View
from collector.web.render import Renderer
from collector.web.site import AlertView, Site
from collector.web.trend import past_of
from collector.web.views import Views, ask
from wire.times import HOUR_MS, MINUTE_MS

log = logging.getLogger("lamppost.web")

COOKIE: Final = "lamppost_session"
LINES_MAX: Final = 200
_TRIES, _TRIES_MS = 10, 15 * MINUTE_MS
_WRITTEN: Final = ("note", "answer", "zh", "en")
"""Fields of forms in which somebody may have written much."""
Inside = Callable[[Request, Session], Awaitable[Response]]


class Ops:
    """Handlers of everything under /ops."""

    def __init__(self, site: Site, renderer: Renderer, views: Views, live: Live, desk: Desk) -> None:
        self._site = site
        self._renderer = renderer
        self._views = views
        self._live = live
        self._desk = desk
        self._tabs = Tabs(site, views, desk, self._page, self._back)
        renderer.offer(told_of=self._tabs.told, batches_per_s=site.feed.batches_per_s)
        self._tries_of_account = Allowance(5 * _TRIES, _TRIES_MS, crowd=100)  # one guesser has not enough to use it up
        self._tries = Allowance(_TRIES, _TRIES_MS, crowd=100)  # a crowd must not lock the operators out
        self._guesses = asyncio.Semaphore(2)  # each has 24 MiB and a thread

    def routes(self) -> list[Route]:
        pages: dict[str, Inside] = {
            "": self.desk,
            "/alert/{fingerprint}": self.alert,
            "/station/{node}": self.station,
            "/reports": self.reports,
            "/audit": self.audit,
            "/events": self.events,
            **self._tabs.pages(),
        }
        deeds: dict[str, Inside] = {
            "/alert/{fingerprint}/{verb}": self.handle,
            "/heap/{verb}": self.handle_heap,
            "/reports/{number}": self.answer,
            "/station/{node}/change": self.change,
            "/logout": self.log_out,
            **self._tabs.deeds(),
        }
        routes = []
        for root in ("/ops", "/en/ops"):
            routes += [Route(root + path, self._inside(page)) for path, page in pages.items()]
            routes += [Route(root + path, self._deed(deed), methods=["POST"]) for path, deed in deeds.items()]
            routes += [
                Route(root + "/login", self.log_in, methods=["GET", "POST"]),
                Route(root + "/setup", self.set_up, methods=["GET", "POST"]),
            ]
        return routes

    async def desk(self, request: Request, session: Session) -> Response:
        """All alerts and all stations."""
        return await self._page(request, session, "ops.html", "/ops", events=self._root(request) + "/events")

    async def alert(self, request: Request, session: Session) -> Response:
        """One alert with everything that was done about it."""
        alert = self._alert(request)
        path = f"/ops/alert/{alert.fingerprint}"
        history = await run_in_threadpool(self._site.duty.history, alert.fingerprint)
        deliveries = await run_in_threadpool(self._site.duty.deliveries, alert.fingerprint)
        told: dict[str, Any] = {"alert": alert, "history": history, "deliveries": deliveries}
        return await self._page(request, session, "ops_alert.html", path, **told)

    async def station(self, request: Request, session: Session) -> Response:
        """One station: a day's chart, a week's availability, what it says of itself."""
        node = request.path_params["node"]
        station = self._site.station(node)
        if station is None:
            raise HTTPException(404, "not_found_station")
        now_ms, store, zone = self._site.now_ms(), self._site.store, ZoneInfo(self._site.time_zone)
        alerts = [alert for alert in sort_alerts(self._site.alerts()) if alert.node == node]
        watched = (one for one in self._site.watched(node) if "pm25" in one.quantity)
        lowest = min(watched, default=None, key=attrgetter("raise_at"))

        def measured() -> dict[str, Any]:
            week, health = past.availability(store, node, now_ms, zone), past.health(store, node, now_ms)
            holes = [hour for hour in self._site.gaps(node, now_ms - 24 * HOUR_MS) if hour.causes]
            return {"past": past_of(self._site, node, "day", lowest), "week": week, "health": health, "holes": holes}

        cards: list[View] = []
        told: dict[str, Any] = {"past": None, "week": None, "health": {}, "holes": [], "store_down": False}
        try:
            cards = await self._views.fresh({node})
            told |= await ask(measured)
        except StoreDown:
            told["store_down"] = True
        told |= {"reports": self._desk.reports.of(node)}
        told |= {"changes": self._desk.reports.changes(node), "kinds": CHANGES, "station": station, "alerts": alerts}
        told |= {"said": self._tabs.said(node), "told": self._tabs.told(cards)}
        told |= {"cards": cards, "events": f"{self._root(request)}/events?node={node}"}
        return await self._page(request, session, "ops_station.html", f"/ops/station/{node}", **told)

    async def reports(self, request: Request, session: Session) -> Response:
        """Citizens' reports that wait for an answer."""
        waiting = await run_in_threadpool(self._desk.reports.waiting)
        return await self._page(request, session, "ops_reports.html", "/ops/reports", reports=waiting)

    async def audit(self, request: Request, session: Session) -> Response:
        """Who did what."""
        lines = await run_in_threadpool(self._desk.file.trail, LINES_MAX)
        return await self._page(request, session, "ops_audit.html", "/ops/audit", lines=lines, lines_max=LINES_MAX)

    async def events(self, request: Request, _: Session) -> Response:
        """The stream of the first page, or of that of a station, as long as its reader may see it."""
        token, node = request.cookies[COOKIE], request.query_params.get("node", "")
        sight = Sight(language_of(request), (), "ops")
        if self._site.station(node) is not None:
            sight = sight._replace(nodes=(node,), page="ops_station")
        return stream(
            request,
            self._live,
            sight,
            lambda: self._desk.accounts.lasts(token, self._site.now_ms()),
        )

    async def handle(self, request: Request, session: Session) -> Response:
        """Acknowledge, silence, note or give back. After it resolved, an alert can only be noted."""
        alert = self._alert(request)
        fields = request.state.fields
        verb = request.path_params["verb"]
        if verb not in VERBS:
            raise HTTPException(400, "refused_form")
        if verb != "note" and alert.state == "resolved":
            raise HTTPException(400, "refused_desk")
        if verb in ("acknowledge", "giveback") and is_anothers(alert, session.name, fields.get("had", "")):
            raise HTTPException(409, "refused_taken")
        now_ms, until_ms = self._site.now_ms(), None
        if verb in ("acknowledge", "silence"):
            until_ms = end_ms(choice(fields, "length", tuple(LENGTHS_MS)), now_ms)
        deed, then = Deed(alert.fingerprint, verb, session.name, fields.get("note", "").strip(), until_ms), alert
        if until_ms is not None:
            then = next_open(self._site.alerts(), alert)
        try:
            await run_in_threadpool(do, self._site, deed)
        except ValueError:
            raise HTTPException(400, "refused_form" if verb == "note" else "refused_desk") from None
        return self._back(request, f"#alert-{then.fingerprint}")

    async def handle_heap(self, request: Request, session: Session) -> Response:
        """Acknowledge or give back what the page showed of a heap: nothing newer or ended, or another's by now."""
        fields, verb = request.state.fields, request.path_params["verb"]
        if verb not in ("acknowledge", "giveback"):
            raise HTTPException(400, "refused_form")
        shown, until_ms = set(fields.get("alerts", "").split(",")), None
        if verb == "acknowledge":
            until_ms = end_ms(choice(fields, "length", tuple(LENGTHS_MS)), self._site.now_ms())
        note = fields.get("note", "").strip()
        firing = (alert for alert in self._site.alerts() if alert.state == "firing" and alert.fingerprint in shown)
        had = [alert.fingerprint for alert in firing if (alert.acked_by or "") == fields.get("had", "")]
        done = await run_in_threadpool(do_all, self._site, verb, had, session.name, note, until_ms)
        if had and not done:
            raise HTTPException(400, "refused_desk")
        return self._back(request, "#alerts")

    async def answer(self, request: Request, session: Session) -> Response:
        """Answer a citizen's report."""
        fields, now_ms = request.state.fields, self._site.now_ms()
        text, number = fields.get("answer", ""), _number(request.path_params["number"])
        if not text.strip():
            raise HTTPException(400, "refused_form")
        if not await run_in_threadpool(self._desk.reports.answer, number, text, "show" in fields, session.name, now_ms):
            raise HTTPException(404, "refused_answered")
        await run_in_threadpool(self._desk.file.note, session.name, "answer", f"report {number}", now_ms)
        return self._back(request, "/reports")

    async def change(self, request: Request, session: Session) -> Response:
        """Write down what was done at a station."""
        node, fields, now_ms = request.path_params["node"], request.state.fields, self._site.now_ms()
        if self._site.station(node) is None:
            raise HTTPException(404, "not_found_station")
        kind = choice(fields, "kind", CHANGES)
        zh, en = fields.get("zh", ""), fields.get("en", "")
        await run_in_threadpool(self._desk.reports.add_change, node, kind, zh, en, now_ms)
        await run_in_threadpool(self._desk.file.note, session.name, kind, node, now_ms)
        return self._back(request, f"/station/{node}")

    async def log_in(self, request: Request) -> Response:
        """The form, and what comes of it: the page that one wanted."""
        if request.method == "GET":
            to = request.query_params.get("to", "")
            response: Response = self._login(request, to)
            if request.headers.get("sec-fetch-site") == "cross-site":
                # A strict cookie is not sent by who follows a link of elsewhere, such as in mail that is read in the
                # browser: the page that it led to is asked for once more, from here.
                response.headers["Refresh"] = f"0; url={self._beyond(request, to).headers['location']}"
            return response
        fields, now_ms = await read_form(request), self._site.now_ms()
        to = fields.get("to", "")
        if not self._tries.take(client_of(request), now_ms):
            return self._login(request, to, 429, "tries")
        name = fields.get("name", "")
        if not self._tries_of_account.take(name, now_ms):
            _tell_refused(request)
            return self._login(request, to, 429, "tries")
        async with self._guesses:
            token = await run_in_threadpool(self._desk.accounts.log_in, name, fields.get("password", ""), now_ms)
        if token is None:
            _tell_refused(request)
            return self._login(request, to, 403, "wrong_login")
        await run_in_threadpool(self._desk.file.note, name, "login", "", now_ms)
        response = self._beyond(request, to)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, max_age=7 * 86400)
        return response

    async def set_up(self, request: Request) -> Response:
        """Make the first account, with the link that was printed."""
        token = request.query_params.get("token", "")
        if request.method == "GET":
            if not self._desk.accounts.may_set_up(token):
                return self._door(request, "setup", 403, trouble="wrong_token", token="")
            return self._door(request, "setup", token=token)
        fields, now_ms = await read_form(request), self._site.now_ms()
        if not self._tries.take(client_of(request), now_ms):
            return self._door(request, "setup", 429, trouble="tries", token=token)
        name, password, token = (fields.get(key, "") for key in ("name", "password", "token"))
        try:
            made = await run_in_threadpool(self._desk.accounts.set_up, token, name, password, now_ms)
        except NotAccepted as error:
            return self._door(request, "setup", 400, trouble=str(error), token=token)
        if not made:
            return self._door(request, "setup", 403, trouble="wrong_token", token="")
        await run_in_threadpool(self._desk.file.note, name, "setup", "", now_ms)
        return self._back(request, "/login")

    async def log_out(self, request: Request, session: Session) -> Response:
        del session
        await run_in_threadpool(self._desk.accounts.log_out, request.cookies[COOKIE])
        response = self._back(request, "/login")
        response.delete_cookie(COOKIE)
        return response

    def _inside(self, page: Inside) -> Callable[[Request], Awaitable[Response]]:
        """Only for who is logged in. Others are led to the door, and from there to the page; a form was in vain."""

        async def answer(request: Request) -> Response:
            token = request.cookies.get(COOKIE)
            session = None
            if token is not None:
                session = await run_in_threadpool(self._desk.accounts.session, token, self._site.now_ms())
            if session is None and request.method == "POST":
                fields = await read_form(request)
                wrote = "\n".join(fields[name] for name in _WRITTEN if fields.get(name))
                return self._login(request, "", 403, "session_over", wrote)
            if session is None:
                wanted = request.url.path.removeprefix(self._root(request))
                wanted += f"?{request.url.query}" if request.url.query else ""
                return self._back(request, f"/login?{urlencode({'to': wanted})}" if wanted else "/login")
            response = await page(request, session)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return answer

    def _deed(self, deed: Inside) -> Callable[[Request], Awaitable[Response]]:
        """Only from a form of ours that carries the session's token."""

        async def checked(request: Request, session: Session) -> Response:
            request.state.fields = await read_form(request)
            if not hmac.compare_digest(request.state.fields.get("csrf", "").encode(), session.csrf.encode()):
                raise HTTPException(403, "refused_old")
            return await deed(request, session)

        return self._inside(checked)

    def _alert(self, request: Request) -> AlertView:
        alert = self._site.alert(request.path_params["fingerprint"])
        if alert is None:
            raise HTTPException(404, "not_found_alert")
        return alert

    async def _page(self, request: Request, session: Session, template: str, path: str, **values: Any) -> Response:
        """A page, made beside the loop: with ten thousand stations it takes long enough for others to wait."""

        def make() -> str:
            shared: dict[str, Any] = {
                "path": path,
                "asked": dict(request.query_params),
                "safe": request.cookies.get("colours") == "safe",
                "events": None,
                "session": session,
                "summary": self._views.summary(age_s=0),
                "alerts": sort_alerts(self._site.alerts()),
            }
            return self._renderer.page(template, language_of(request), **shared | values)

        return HTMLResponse(await run_in_threadpool(make))

    def _login(
        self, request: Request, to: str, status: int = 200, trouble: str | None = None, wrote: str = ""
    ) -> Response:
        """The door to the page `to`, an address below the desk's; what somebody `wrote` in vain is given back."""
        return self._door(request, "login", status, trouble=trouble, wrote=wrote, to=to)

    def _door(
        self,
        request: Request,
        name: str,
        status: int = 200,
        trouble: str | None = None,
        wrote: str = "",
        **carried: str,
    ) -> Response:
        """A page before the door; what it `carries` goes on with its form, and into the other language."""
        shared: dict[str, Any] = {"path": f"/ops/{name}", "asked": {key: text for key, text in carried.items() if text}}
        shared |= {"safe": request.cookies.get("colours") == "safe", "events": None, "session": None}
        shared |= {"trouble": trouble, "wrote": wrote}
        html = self._renderer.page(f"ops_{name}.html", language_of(request), **shared, **carried)
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})

    def _beyond(self, request: Request, to: str) -> RedirectResponse:
        """Through the door to the page `to`, which is one of ours."""
        return self._back(request, to if to.startswith("/") else "")

    def _back(self, request: Request, where: str) -> RedirectResponse:
        return RedirectResponse(self._root(request) + where, 303)

    def _root(self, request: Request) -> str:
        return "/en/ops" if language_of(request) == "en" else "/ops"


def _number(text: str) -> int:
    """Of a report, from an address. Raises HTTPException 404 for what none has, however many digits it is."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HTTPException(404, "not_found")
    return int(text)


def _tell_refused(request: Request) -> None:
    """For who bans addresses by the log (docs/pages.md). No name: it may be a password, typed into the wrong field."""
    log.warning("login refused, from %s", host_of(request))
