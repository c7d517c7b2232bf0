"""The OpenAPI 3.1 description of the open API, made from the very tables that read its questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
    "/alerts": "Alerts that stand, and those that lately ended.",
}


def document(
    root: str, title: str, paths: Mapping[str, Sequence[Parameter]], columns: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The whole document for these paths and the columns of each kind of row."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": "1",
            "description": "Indicative readings from small sensors, not the official AQI.",
            "license": {"name": "CC BY 4.0", "identifier": "CC-BY-4.0"},
        },
        "servers": [{"url": root}],
        "paths": {path: {"get": _operation(path, known)} for path, known in paths.items()},
        "components": {"schemas": {"Error": _ERROR, **_answers(columns)}},
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
            }
            for one in known
        ],
        "responses": {
            "200": {"description": "The answer.", "content": content},
            "304": {"description": "The client has it already."},
            "400": {"description": "The question cannot be answered; `reason` says why.", "content": error},
            "404": {"description": "There is no such station.", "content": error},
            "503": {"description": "The database does not answer at the moment.", "content": error},
        },
    }


def _answers(columns: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    station = {"node", "site", "name", "lat_deg", "lon_deg", "height_m", "online", "latest", "sensors"}
    return {
        "Stations": _listing("stations", {**_OBJECT, "required": sorted(station), "properties": {"name": _BILINGUAL}}),
        "Readings": _listing("rows", {"oneOf": [_row(kind, names) for kind, names in columns.items()]}),
        "Alerts": {
            "type": "object",
            "required": ["alerts"],
            "properties": {"alerts": {"type": "array", "items": _OBJECT}},
        },
    }  # fmt: skip


def _listing(name: str, items: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [name, "next"],
        "properties": {name: {"type": "array", "items": items}, "next": _NEXT},
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
    texts = {
        "rows": "How many stored rows the window has.",
        "cq": "Worst clock quality: 0 synced, 1 restored, 2 estimated.",
        "qc": "Worst quality flag of the window.",
    }
    if name in texts:
        return {"type": ["integer", "null"], "description": texts[name]}
    if name == "masked":
        text = "Fields taken out because they tell of fewer than 5 vehicles."
        return {"type": "array", "items": {"type": "string"}, "description": text}
    return {"type": "string"}
