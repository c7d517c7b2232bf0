"""What may be asked of the open API: one table of parameters an address, for the reader and for the description."""

from __future__ import annotations

from typing import Final

from collector.web import history, query
from collector.web.query import Parameter

PAGE_MAX: Final = 1000
_NODE = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}
_INSTANT = {"type": "string", "format": "date-time"}

LIMIT = Parameter(
    "limit",
    query.whole(1, PAGE_MAX),
    f"How many a page at most, 1 to {PAGE_MAX}.",
    {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": 100},
)
FORMAT = Parameter(
    "format", query.one_of("json", "csv"), "json, or csv with the notice as a first line that begins with #.",
    {"type": "string", "enum": ["json", "csv"], "default": "json"},
)  # fmt: skip
STATIONS = (Parameter("after", query.node, "Stations behind this node; `next` says it.", _NODE), LIMIT, FORMAT)
ALERTS = (
    Parameter(
        "state",
        query.one_of("pending", "firing", "resolved"),
        "Only alerts in this state.",
        {"type": "string", "enum": ["pending", "firing", "resolved"]},
    ),
)
READINGS = (
    Parameter("node", query.node, "The station.", _NODE, required=True),
    Parameter(
        "kind", query.one_of(*history.KINDS), "The measurement.",
        {"type": "string", "enum": list(history.KINDS), "default": "air_quality"},
    ),
    Parameter("from", query.instant, "Start, RFC 3339 with offset; by default a day before `to`.", _INSTANT),
    Parameter("to", query.instant, "End, not included; by default now.", _INSTANT),
    Parameter(
        "every", query.one_of(*history.EVERY_MS),
        f"Length of the windows whose means are given; traffic comes in {history.TRAFFIC_EVERY} only.",
        {"type": "string", "enum": list(history.EVERY_MS), "default": "5m"},
    ),
    Parameter("tz", query.zone, "Time zone of the times in the answer, such as Europe/Berlin."),
    Parameter(
        "limit",
        query.whole(1, PAGE_MAX),
        f"How many windows a page at most, 1 to {PAGE_MAX}.",
        {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": 288},
    ),
    FORMAT,
)  # fmt: skip
