"""The tabs of the operators' desk: every station's condition, canned questions, planned quiet, deliveries."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from collector.questions import answer as answers
from collector.questions.canned import CANNED, ROLLED
from collector.questions.question import WORDS, BadVariable
from collector.rules.silence import Silence
from collector.stores import care
from collector.stores.store import StoreDown
from collector.web import find
from collector.web.condition import Condition, conditions
from collector.web.desk.accounts import Session
from collector.web.desk.desk import Desk
from collector.web.forms import choice
from collector.web.pages import language_of
from collector.web.readings import View
from collector.web.replies import MARK
from collector.web.site import Site
from collector.web.views import Views
from wire.times import HOUR_MS

Inside = Callable[[Request, Session], Awaitable[Response]]
ShowPage = Callable[..., Awaitable[Response]]
Back = Callable[[Request, str], Response]
VARIABLES: Final = frozenset(name for question in CANNED.values() for name in question.variables)
SPANS_MS: Final = {"1h": HOUR_MS, "24h": 24 * HOUR_MS, "7d": 7 * 24 * HOUR_MS, "30d": 30 * 24 * HOUR_MS}
VERBS: Final = ("ping", "doctor", "frames", "identify", "resend")
ROWS_MAX: Final = 300
STATIONS_MAX: Final = 500
DELIVERIES_MAX: Final = 100


class Said(NamedTuple):
    """What a node answered an operator."""

    at_ms: int
    who: str
    verb: str
    answer: dict[str, Any]

    @property
    def frames(self) -> list[dict[str, Any]]:
        """The frames of its sensors, when those were asked for; nothing of what is not as an agent says it."""
        sensors = self.answer.get("sensors") if self.verb == "frames" else None
        return [one for one in sensors if _is_frame(one)] if isinstance(sensors, list) else []

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The lines of a doctor's report, wherever it stands; nothing of what is not as an agent says it."""
        return next((rows for rows in _lists(self.answer) if all(map(_is_check, rows))), [])


class Tabs:
    """Handlers of the tabs; `show` makes a page behind the login, `back` leads to another."""

    def __init__(self, site: Site, views: Views, desk: Desk, show: ShowPage, back: Back) -> None:
        self._site = site
        self._views = views
        self._desk = desk
        self._show = show
        self._back = back
        self._said: dict[str, dict[str, Said]] = {}

    def pages(self) -> dict[str, Inside]:
        return {
            "/stations": self.stations,
            "/data": self.data,
            "/maintenance": self.maintenance,
            "/deliveries": self.deliveries,
        }

    def deeds(self) -> dict[str, Inside]:
        return {
            "/maintenance": self.silence,
            "/maintenance/{name}/end": self.end_silence,
            "/deliveries/revive": self.revive,
            "/station/{node}/ask/{verb}": self.ask,
        }

    def told(self, views: Sequence[View]) -> list[tuple[View, list[Condition]]]:
        """Each station with its condition; those that need somebody come first."""
        silences, retired = self._site.duty.silences(), self._desk.reports.retired()
        found = [(view, self._condition(view, silences, retired)) for view in views]
        return sorted(found, key=lambda one: one[1][0].word in ("live", "retired"))

    def _condition(self, view: View, silences: Sequence[Silence], retired: set[str]) -> list[Condition]:
        station, now_ms = view.station, self._site.now_ms()
        is_quiet = any(each.is_at(station.site, station.node, now_ms) for each in silences)
        warm_up_s = max((self._site.warm_up_s(sensor.profile) for sensor in station.sensors), default=0.0)
        return conditions(view, warm_up_s, is_quiet, station.node in retired)

    def said(self, node: str) -> list[Said]:
        """The newest answer of a node to each question, newest first."""
        return sorted(self._said.get(node, {}).values(), key=lambda said: -said.at_ms)

    async def stations(self, request: Request, session: Session) -> Response:
        """Every station with its condition; those that need somebody come first."""
        wanted = find.asked(request.query_params)
        nodes = {station.node for station in find.find(self._site.stations(), wanted)}
        told = await run_in_threadpool(self.told, [view for view in self._views.all() if view.station.node in nodes])
        shown: dict[str, Any] = {"told": told[:STATIONS_MAX], "left_out": max(0, len(told) - STATIONS_MAX)}
        shown |= {"wanted": wanted, "found": len(told)}
        return await self._show(request, session, "ops_all_stations.html", "/ops/stations", **shown)

    async def data(self, request: Request, session: Session) -> Response:
        """Canned questions with their answers, and the holes of one station."""
        asked = dict(request.query_params)
        name, span = asked.pop("q", ""), asked.pop("since", "24h")
        form = asked.pop("form", "table")
        if (name and name not in CANNED) or span not in SPANS_MS or form not in ("table", "csv"):
            raise HTTPException(404, "not_found")
        table, trouble, given = None, "", dict[str, str]()
        if name:
            others = VARIABLES.difference(CANNED[name].variables)  # filled in while another question was chosen
            given = {key: value for key, value in asked.items() if value and key not in others}
            try:
                table = await run_in_threadpool(self._answer, name, span, given)
            except BadVariable as error:
                trouble = error.zh if language_of(request) == "zh" else str(error)
            except StoreDown:
                trouble = "store_down"
        if form == "csv" and table is not None:
            text = MARK + "\n".join(answers.as_csv(table, 100_000)) + "\n"
            return PlainTextResponse(text, media_type="text/csv; charset=utf-8")
        told: dict[str, Any] = {"questions": CANNED, "chosen": name, "since": span, "given": asked, "table": table}
        told["variables"] = "".join(f" --var {key}={value}" for key, value in given.items())
        told |= {"trouble": trouble, "spans": SPANS_MS, "words": WORDS, "quantities": ROLLED}
        told["rows_max"] = ROWS_MAX
        return await self._show(request, session, "ops_data.html", "/ops/data", **told)

    def _answer(self, name: str, span: str, given: dict[str, str]) -> answers.Table:
        now_ms = self._site.now_ms()
        question = CANNED[name].ask(now_ms - SPANS_MS[span], now_ms, given)
        care.ask_whether_it_answers(self._site.store)
        return answers.rows(question, self._site.store.select(question), ZoneInfo(self._site.time_zone))

    async def maintenance(self, request: Request, session: Session) -> Response:
        """Silences and planned quiet, and the calibrations in force."""
        return await self._maintenance(request, session, {}, None, "")

    async def _maintenance(
        self, request: Request, session: Session, fields: dict[str, str], matched: Any, trouble: str
    ) -> Response:
        silences = await run_in_threadpool(self._site.duty.silences)
        records = [record for station in self._site.stations() for record in self._site.corrections(station.node)]
        told: dict[str, Any] = {"silences": silences, "records": records, "fields": fields, "matched": matched}
        told |= {"trouble": trouble}
        return await self._show(request, session, "ops_maintenance.html", "/ops/maintenance", **told)

    async def silence(self, request: Request, session: Session) -> Response:
        """Plan quiet, or only see what it would match."""
        fields = request.state.fields
        zone = ZoneInfo(self._site.time_zone)
        try:
            start_ms, end_ms = (_local_ms(fields.get(name, ""), zone) for name in ("start", "end"))
            asked = {"match": fields.get("match", ""), "note": fields.get("note", ""), "who": session.name}
        except ValueError:
            return await self._maintenance(request, session, fields, None, "bad_time")
        verb = choice(fields, "do", ("preview", "silence"))
        answer = await run_in_threadpool(self._site.duty.ask, verb, asked | {"start_ms": start_ms, "end_ms": end_ms})
        if verb == "silence" and "refused" not in answer:
            return self._back(request, "/maintenance")
        refused = answer.get("refused", "")
        trouble = answer.get("refused_zh", refused) if language_of(request) == "zh" else refused
        return await self._maintenance(request, session, fields, answer, trouble)

    async def end_silence(self, request: Request, session: Session) -> Response:
        """End a silence now."""
        asked = {"silence": request.path_params["name"], "who": session.name}
        await run_in_threadpool(self._site.duty.ask, "unsilence", asked)
        return self._back(request, "/maintenance")

    async def deliveries(self, request: Request, session: Session) -> Response:
        """Where alerts were told, and what could not be told anywhere."""
        dead = await run_in_threadpool(self._site.duty.dead_letters)
        told = await run_in_threadpool(self._site.duty.deliveries)
        shown: dict[str, Any] = {"dead": dead, "told": told[:DELIVERIES_MAX], "left_out": len(told) > DELIVERIES_MAX}
        return await self._show(request, session, "ops_deliveries.html", "/ops/deliveries", **shown)

    async def revive(self, request: Request, session: Session) -> Response:
        """Try a dead letter again."""
        asked = {"delivery": request.state.fields.get("delivery", ""), "who": session.name}
        await run_in_threadpool(self._site.duty.ask, "revive", asked)
        return self._back(request, "/deliveries")

    async def ask(self, request: Request, session: Session) -> Response:
        """Ask a node something; its answer stands on the station's page."""
        node, verb, now_ms = request.path_params["node"], request.path_params["verb"], self._site.now_ms()
        if verb not in VERBS or self._site.station(node) is None:
            raise HTTPException(404, "not_found")
        arguments = {"from_ms": now_ms - 24 * HOUR_MS, "to_ms": now_ms + 1} if verb == "resend" else {}
        await run_in_threadpool(self._desk.file.note, session.name, f"ask {verb}", node, now_ms)
        answer = await run_in_threadpool(self._site.ask, node, verb, arguments)
        self._said.setdefault(node, {})[verb] = Said(self._site.now_ms(), session.name, verb, answer)
        return self._back(request, f"/station/{node}#asked")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_check(one: dict[str, Any]) -> bool:
    return all(isinstance(one.get(key), str) for key in ("id", "state", "text", "cure"))


def _is_frame(one: Any) -> bool:
    """A node is not to be trusted with the operators' page."""
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        return False
    texts = [one[key] for key in ("frame", "bad", "reason") if key in one]
    times = [one.get(time) for key, time in (("frame", "at_ms"), ("bad", "bad_at_ms")) if key in one]
    rows = one.get("values", [])
    return (
        all(isinstance(text, str) for text in texts)
        and ("bad" not in one or "reason" in one)
        and all(type(time) is int and 0 <= time < 2**42 for time in times)
        and isinstance(rows, list)
        and all(isinstance(row, dict) and all(map(_is_number, row.values())) for row in rows)
    )


def _local_ms(text: str, zone: ZoneInfo) -> int:
    """The time of a field of the browser's kind (2026-03-01T08:00), in the city's zone. Raises ValueError."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def _lists(value: Any) -> list[list[dict[str, Any]]]:
    """Every list of objects in an answer."""
    found = []
    if isinstance(value, dict):
        for one in value.values():
            found += _lists(one)
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        found.append(value)
    return found
