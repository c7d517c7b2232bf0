"""How the open API answers: JSON or CSV, the same bytes for the same question: to be cached, and to be compared."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from collector.questions.answer import safe
from collector.web.words import TEXTS
from collector.zones import iso

LICENCE: Final = "CC-BY-4.0"
NOTICE: Final = dict(zip(("zh", "en"), TEXTS["notice"], strict=True))
_HEADERS = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
_DECIMALS = 3
MARK: Final = "\ufeff"
"""By this Excel knows UTF-8, and shows 良 as what it is. Many programs would take the mark for a letter."""


def refusal(
    status: int, reason: str, message: str, parameter: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """An error as programs read it."""
    body = {"error": {"reason": reason, "parameter": parameter, "message": message}}
    return JSONResponse(body, status, headers={**_HEADERS, "Cache-Control": "no-store", **(headers or {})})


def as_json(request: Request, body: Mapping[str, Any], age_s: int) -> Response:
    """The body, compact; NaN is no JSON and raises."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return cached(request, text.encode(), "application/json", age_s)


def is_csv(request: Request) -> bool:
    """Whether rows are wanted as CSV."""
    return request.query_params.get("format") in ("csv", "excel")


def as_csv(
    request: Request,
    names: Sequence[str],
    rows: Sequence[dict[str, Any]],
    age_s: int,
    following: str | None = None,
    zone: str = "",
) -> Response:
    """Rows under a first line with notice, licence, and where it is from: the page that tells what the columns mean.

    The next page is named in the Link header. A time with its offset is text to Excel, which can neither reckon with it
    nor draw by it: for Excel `time` is what the clock of the `zone` says, and the first line names that.
    """
    is_excel = request.query_params.get("format") == "excel"
    times = f"时间 times: {zone} " if is_excel and zone else ""
    out = io.StringIO()
    out.write(MARK if is_excel else "")
    out.write(f"# {NOTICE['zh']} {NOTICE['en']} {times}{LICENCE} {request.base_url}data\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        plain = row | {"time": row["time"][:19].replace("T", " ")} if times else row
        writer.writerow([_cell(plain.get(name)) for name in names])
    response = cached(request, out.getvalue().encode(), "text/csv; charset=utf-8", age_s)
    if following is not None:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def cached(request: Request, body: bytes, media_type: str, age_s: int) -> Response:
    """The body, or 304 when the client has these very bytes."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**_HEADERS, "ETag": etag, "Cache-Control": f"public, max-age={age_s}"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def told(row: Mapping[str, Any], names: Sequence[str], zone: ZoneInfo) -> dict[str, Any]:
    """A row as it is told: its `time_ms` as `time` with offset, numbers without false precision, these names alone."""
    whole = {**row, "time": iso(row["time_ms"], zone)}
    return {name: round(whole[name], _DECIMALS) if isinstance(whole[name], float) else whole[name] for name in names}


def _cell(value: Any) -> Any:
    """A CSV cell: what JSON calls true is true here too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(value)
    return safe(value)
