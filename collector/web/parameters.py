"""What may be asked of the open API: one table of parameters an address, for the reader and for the description."""

from __future__ import annotations

from typing import Any, Final

from collector.stations.station_query import AIR, EVERY
from collector.web import history, query
from collector.web.query import Parameter

PAGE_MAX: Final = 1000
STANDARDS: Final = ("china", "china-2012", "china-2026", "us", "eu", "uk", "all")
PERIODS: Final = ("1h", "1d")
_NODE = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}
_INSTANT = {"type": "string", "format": "date-time"}


def _limit(what: str, default: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": default}
    return Parameter("limit", query.whole(1, PAGE_MAX), f"How many {what} a page at most, 1 to {PAGE_MAX}.", schema)


def _word(name: str, words: tuple[str, ...], about: str, default: str | None = None) -> Parameter:
    schema: dict[str, Any] = {"type": "string", "enum": list(words)}
    return Parameter(name, query.one_of(*words), about, schema | ({} if default is None else {"default": default}))


FORMAT = _word(
    "format",
    ("json", "csv", "excel"),
    "json, or csv with the notice as a first line that begins with #; excel is the same csv with the mark (BOM) without"
    " which Excel takes it for another alphabet, and times without their offset: the first line names their zone.",
    "json",
)
_SPAN = (
    Parameter("node", query.node, "The station.", _NODE, required=True),
    Parameter("from", query.instant, "Start, RFC 3339 with offset; by default the last page before `to`.", _INSTANT),
    Parameter(
        "to", query.instant, "End, not included; by default now. Of traffic no window is told in part.", _INSTANT
    ),
    Parameter("tz", query.zone, "Time zone of the times in the answer, such as Europe/Berlin."),
    FORMAT,
)
STATIONS = (
    Parameter("after", query.node, "Stations behind this node; `next` says it.", _NODE),
    _limit("stations", 100),
    FORMAT,
)
ALERTS = (_word("state", ("pending", "firing", "resolved"), "Only alerts in this state."),)
READINGS = (
    *_SPAN,
    _word("kind", history.KINDS, "The measurement.", "air_quality"),
    _word(
        "every",
        tuple(history.EVERY_MS),
        f"Length of the windows whose means are given; traffic comes in {history.TRAFFIC_EVERY} only.",
        "5m",
    ),
    _limit("windows", 288),
)
CONCENTRATIONS = (
    *_SPAN,
    _word("every", tuple(EVERY), "Length of the windows: minutes, hours, or days of the station's calendar.", "1h"),
    Parameter(
        "quantity",
        query.words_of(*AIR),
        "Only these quantities, with commas between, such as pm25_ugm3,pm10_ugm3.",
        {"type": "array", "items": {"type": "string", "enum": list(AIR)}, "uniqueItems": True, "minItems": 1},
    ),
    _limit("windows", 168),
)
INDICES = (
    *_SPAN,
    _word("period", PERIODS, "Index of an hour or of a day of the station's calendar.", "1h"),
    _word("standard", STANDARDS, "Only this standard; by default those that the station reports."),
    _limit("windows", 168),
)
