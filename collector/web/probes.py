"""`/healthz` and `/readyz`, for service managers and load balancers: nothing in them that a stranger may not know.

However many ask, the database is asked one question at a time, and whoever asks meanwhile shares its answer: with a
database that hangs they would take the threads from all other pages.
"""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.stores.store import SOON_S, Select, StoreDown
from collector.web.site import Site

PATHS = ("/healthz", "/readyz")
_NEVER_KEPT = {"Cache-Control": "no-store"}


def routes(site: Site) -> list[Route]:
    """200 or 503; `readyz` names the parts that are wrong, without addresses or reasons."""

    asking: asyncio.Task[bool] | None = None

    async def answers() -> bool:
        nonlocal asking
        if asking is None or asking.done():
            asking = asyncio.create_task(run_in_threadpool(_answers, site), name="ask the database")
        return await asyncio.shield(asking)

    async def healthz(_: Request) -> Response:
        alive = site.health().alive
        return JSONResponse({"alive": alive}, 200 if alive else 503, _NEVER_KEPT)

    async def readyz(_: Request) -> Response:
        health = site.health()
        wrong = set(health.wrong)
        if "database" not in wrong and not await answers():
            wrong.add("database")
        ready = health.alive and not wrong
        said = {"ready": ready, "role": health.role, "wrong": sorted(wrong)}
        return JSONResponse(said, 200 if ready else 503, _NEVER_KEPT)

    return [Route(path, told) for path, told in zip(PATHS, (healthz, readyz), strict=True)]


def _answers(site: Site) -> bool:
    """Whether the database answers a question."""
    now_ms = site.now_ms()
    try:
        site.store.select(Select("node_health", ("spool_rows",), now_ms, now_ms + 1, within_s=SOON_S))
    except StoreDown:
        return False
    return True
