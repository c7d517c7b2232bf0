"""The OpenAPI 3.1 description of the open API, made from the very tables that read its questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collector.alerts.duty import NOTE_MAX
from collector.web.desk.handling import LENGTHS_MS, VERBS
from collector.web.query import Parameter
from wire.quantities import QUANTITIES

_OBJECT: dict[str, Any] = {"type": "object"}
_BILINGUAL = {
    "type": "object",
    "required": ["zh", "en"],
    "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
}
_NEXT = {"type": ["string", "null"], "description": "Address of the next page, null on the last."}
_TIME = {"type": "string", "format": "date-time"}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["reason", "parameter", "message"],
            "properties": {
                "reason": {"type": "string"},
                "parameter": {"type": ["string", "null"]},
                "message": {"type": "string"},
            },
        }
    },
}
_ABOUT = {
    "/stations": "All stations, with place, link and the time of their newest reading.",
    "/readings": "Means of one station by windows, with units and quality.",
    "/concentrations": "Roll-ups of one station's air: minutes, hours or days with completeness and flags.",
    "/indices": "Air-quality indices of one station's hours or days, each with its standard and edition.",
    "/alerts": "Alerts that stand, and those that lately ended.",
}


_DEED_PATH = "/alerts/{fingerprint}/{verb}"
_DEED = {
    **_OBJECT,
    "properties": {
        "length": {"enum": [*LENGTHS_MS], "default": "resolved", "description": "Until when; a note has none."},
        "note": {"type": "string", "maxLength": NOTE_MAX, "default": ""},
    },
}
_DONE = {
    **_OBJECT,
    "required": ["done", "fingerprint"],
    "properties": {"done": {"enum": [*VERBS]}, "fingerprint": {"type": "string"}},
}
_REFUSED = {
    "400": "The body is none of these.",
    "401": "No token came with it, or one that is none, or has ended.",
    "403": "The token has not the scope `handle`.",
    "404": "No such alert fires or ended within a day, or no such verb.",
    "409": "The alert has ended, or the duty desk refuses; `message` says why.",
    "413": "The body is too long.",
    "415": "The body is not JSON.",
    "429": "Too many wrong tokens; a minute later again.",
}


_STATION = {
    *("node", "site", "name", "lat_deg", "lon_deg", "height_m", "online", "latest", "sensors"),
    *("standards", "time_zone", "gas_state"),
}
_COLUMNS = {
    "rows": ("integer?", "How many stored rows the window has."),
    "cq": ("integer?", "Worst clock quality: 0 synced, 1 restored, 2 estimated."),
    "qc": ("integer?", "Worst quality flag of the window: 1 pass, 3 suspect, 4 fail."),
    "mean": ("number", "Mean of the windows below, in `unit`."),
    "low": ("number?", "Lowest value, in `unit`."),
    "high": ("number?", "Highest value, in `unit`."),
    "n": ("integer?", "Windows below that have a mean: readings of a minute, minutes of an hour, hours of a day."),
    "completeness": (
        "number?",
        "Share of the window, 0 to 1, in which this quantity was there; of an index, its scantiest mean.",
    ),
    "flags": ("string", "Tests that doubt this mean, such as step?,neighbour?; empty when none does."),
    "value": ("integer?", "The index, a number without unit; null where the standard publishes NA."),
    "level": ("integer?", "Category of the standard's scale, counted from 1."),
    "primary": ("string", "Pollutants that the value is due to, with commas between, or -."),
    "edition": ("string", "Edition of the standard; values of two editions are not to be compared."),
}


def document(
    root: str,
    title: str,
    paths: Mapping[str, Sequence[Parameter]],
    columns: Mapping[str, Sequence[str]],
    concentration: Sequence[str],
    index: Sequence[str],
) -> dict[str, Any]:
    """The whole document for these paths and the columns of each kind of row."""
    rows = {
        "Stations": {**_OBJECT, "required": sorted(_STATION), "properties": {"name": _BILINGUAL}},
        "Readings": {"oneOf": [_row(kind, names) for kind, names in columns.items()]},
        "Concentrations": _row("concentration", concentration),
        "Indices": _row("index", index),
        "Alerts": _OBJECT,
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": "1",
            "description": "Indicative readings from small sensors, not the official AQI.",
            "license": {"name": "CC BY 4.0", "identifier": "CC-BY-4.0"},
        },
        "servers": [{"url": root}],
        "paths": {path: {"get": _operation(path, known)} for path, known in paths.items()}
        | {_DEED_PATH: {"post": _deed()}},
        "components": {
            "schemas": {"Error": _ERROR, **{name: _listing(name, row) for name, row in rows.items()}},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(path: str, known: Sequence[Parameter]) -> dict[str, Any]:
    answer = {"$ref": f"#/components/schemas/{path.strip('/').capitalize()}"}
    content: dict[str, Any] = {"application/json": {"schema": answer}}
    if any(parameter.name == "format" for parameter in known):
        content["text/csv"] = {"schema": {"type": "string"}}
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "operationId": path.strip("/"),
        "summary": _ABOUT[path],
        "parameters": [
            {
                "name": one.name,
                "in": "query",
                "required": one.required,
                "description": one.about,
                "schema": one.schema,
                **({"style": "form", "explode": False} if one.schema["type"] == "array" else {}),
            }
            for one in known
        ],
        "responses": {
            "200": {"description": "The answer.", "content": content},
            "304": {"description": "The client has it already."},
            "400": {"description": "The question cannot be answered; `reason` says why.", "content": error},
            "401": {"description": "A token came with the question, and it is none, or has ended.", "content": error},
            "404": {"description": "There is no such station.", "content": error},
            "429": {"description": "Too many wrong tokens; a minute later again.", "content": error},
            "503": {"description": "The database does not answer at the moment.", "content": error},
        },
    }


def _deed() -> dict[str, Any]:
    """What a program with a token of the scope `handle` does about one alert."""
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    in_path = {"in": "path", "required": True}
    return {
        "operationId": "handle",
        "summary": "Acknowledge, silence, note or give back an alert; the trail names the token.",
        "security": [{"token": []}],
        "parameters": [
            {"name": "fingerprint", **in_path, "schema": {"type": "string"}},
            {"name": "verb", **in_path, "schema": {"enum": [*VERBS]}},
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _DEED}}},
        "responses": {
            "200": {"description": "It is done.", "content": {"application/json": {"schema": _DONE}}},
            **{code: {"description": text, "content": error} for code, text in _REFUSED.items()},
        },
    }


def _listing(name: str, items: dict[str, Any]) -> dict[str, Any]:
    key = name.lower() if name in ("Stations", "Alerts") else "rows"
    following = {} if name == "Alerts" else {"next": _NEXT}
    return {
        "type": "object",
        "required": [key, *following],
        "properties": {key: {"type": "array", "items": items}, **following},
    }


def _row(kind: str, names: Sequence[str]) -> dict[str, Any]:
    """One kind of row: exactly these keys."""
    return {
        "title": kind,
        "type": "object",
        "required": ["time", *names[1:]],
        "additionalProperties": False,
        "properties": {"time": _TIME} | {name: _column(name) for name in names[1:]},
    }


def _column(name: str) -> dict[str, Any]:
    quantity = QUANTITIES.get(name)
    if quantity is not None:
        kind = "integer" if quantity.whole else "number"
        return {"type": [kind, "null"], "description": f"{quantity.en}, {quantity.unit}"}
    if name == "masked":
        text = "Fields taken out because they tell of fewer than 5 vehicles."
        return {"type": "array", "items": {"type": "string"}, "description": text}
    kind, text = _COLUMNS.get(name, ("string", ""))
    if name.endswith("_index"):
        kind, text = "integer?", f"Sub-index of {name.removesuffix('_index')}, a number without unit."
    types = [kind.rstrip("?"), "null"] if kind.endswith("?") else kind
    return {"type": types, **({"description": text} if text else {})}
