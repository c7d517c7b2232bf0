"""`/healthz` and `/readyz`, for service managers and load balancers: nothing in them that a stranger may not know."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.stores.store import Select, StoreDown
from collector.web.site import Site

_NEVER_KEPT = {"Cache-Control": "no-store"}


def routes(site: Site) -> list[Route]:
    """200 or 503; `readyz` names the parts that are wrong, without addresses or reasons."""

    async def healthz(_: Request) -> Response:
        alive = site.health().alive
        return JSONResponse({"alive": alive}, 200 if alive else 503, _NEVER_KEPT)

    async def readyz(_: Request) -> Response:
        health = site.health()
        wrong = set(health.wrong)
        if "database" not in wrong and not await run_in_threadpool(_answers, site):
            wrong.add("database")
        ready = health.alive and not wrong
        said = {"ready": ready, "role": health.role, "wrong": sorted(wrong)}
        return JSONResponse(said, 200 if ready else 503, _NEVER_KEPT)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def _answers(site: Site) -> bool:
    """Whether the database answers a question."""
    now_ms = site.now_ms()
    try:
        site.store.select(Select("node_health", ("spool_rows",), now_ms, now_ms + 1))
    except StoreDown:
        return False
    return True
