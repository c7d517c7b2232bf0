"""The page behind the link in a message: what the alert is now, and one form to acknowledge or silence it.

No login: who holds the link was told of the alert. It is for one episode, ends, and is named with its channel in the
audit trail. Looking changes nothing; the form must come from this page in the browser that was shown it.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from collector.notify.grant import Grant, Grants
from collector.web.desk.handling import LENGTHS_MS, Deed, do, end_ms, is_anothers
from collector.web.forms import Allowance, choice, client_of, read_form
from collector.web.pages import language_of
from collector.web.render import Renderer
from collector.web.site import AlertView, Site
from wire.times import MINUTE_MS

COOKIE: Final = "lamppost_act"
NAME_MAX: Final = 40
VERBS: Final = ("acknowledge", "silence")
_TRIES, _TRIES_MS = 60, 15 * MINUTE_MS


class Act:
    """Handlers of everything under /act."""

    def __init__(self, site: Site, renderer: Renderer, grants: Grants) -> None:
        self._site = site
        self._renderer = renderer
        self._grants = grants
        self._tries = Allowance(_TRIES, _TRIES_MS, crowd=100)

    def routes(self) -> list[Route]:
        return [
            route
            for root in ("/act", "/en/act")
            for route in (
                Route(root + "/{token}", self.look),
                Route(root + "/{token}", self.act, methods=["POST"]),
            )
        ]

    async def look(self, request: Request) -> Response:
        """What the alert is now, and the form while it fires and the link holds."""
        grant, alert = self._granted(request)
        nonce = request.cookies.get(COOKIE) or secrets.token_urlsafe(16)
        token = request.path_params["token"]
        done = request.query_params.get("done")
        told: dict[str, Any] = {
            "alert": alert, "grant": grant, "form": self._grants.form(token, nonce), "lengths": tuple(LENGTHS_MS),
            "open": alert is not None and grant.expires_ms > self._site.now_ms(),
            "done": done if done in VERBS else None, "asked": {"done": done} if done in VERBS else {},
        }  # fmt: skip
        path = f"/act/{token}"
        html = self._renderer.page("act.html", language_of(request), path=path, safe=False, events=None, **told)
        response = HTMLResponse(html, headers={"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"})
        secure = request.url.scheme == "https"
        # Lax: who comes from a mail page brings no strict one, and would be given another at every link.
        response.set_cookie(COOKIE, nonce, httponly=True, samesite="lax", secure=secure, max_age=86_400)
        return response

    async def act(self, request: Request) -> Response:
        """Do it, under the name that was given and the channel that carried the link."""
        grant, alert = self._granted(request)
        fields, now_ms, token = await read_form(request), self._site.now_ms(), request.path_params["token"]
        wanted = self._grants.form(token, request.cookies.get(COOKIE, ""))
        if not hmac.compare_digest(fields.get("form", "").encode(), wanted.encode()):
            raise HTTPException(403, "refused_old")
        if alert is None or grant.expires_ms <= now_ms:
            raise HTTPException(410, "act_over")
        verb, length = choice(fields, "verb", VERBS), choice(fields, "length", tuple(LENGTHS_MS))
        name = " ".join(fields.get("name", "").split())
        if not 1 <= len(name) <= NAME_MAX:
            raise HTTPException(400, "refused_form")
        who, note = f"{name} ({grant.channel})", fields.get("note", "").strip()
        if verb == "acknowledge" and is_anothers(alert, who, fields.get("had", "")):
            raise HTTPException(409, "refused_taken")
        deed = Deed(alert.fingerprint, verb, who, note, end_ms(length, now_ms))
        try:
            await run_in_threadpool(do, self._site, deed)
        except ValueError:
            raise HTTPException(400, "refused_desk") from None
        root = "/en/act" if language_of(request) == "en" else "/act"
        return RedirectResponse(f"{root}/{token}?done={verb}", 303)

    def _granted(self, request: Request) -> tuple[Grant, AlertView | None]:
        """The grant, and its alert while that very episode fires. Raises HTTPException 404 and 429."""
        if not self._tries.take(client_of(request), self._site.now_ms()):
            raise HTTPException(429, "tries")
        grant = self._grants.read(request.path_params["token"])
        if grant is None:
            raise HTTPException(404, "not_found")
        alerts = (each for each in self._site.alerts() if each.state == "firing")
        found = next((each for each in alerts if grant.covers(each.fingerprint, each.key)), None)
        return grant, found
