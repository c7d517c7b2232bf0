"""What each answer of an InfluxDB means, in one place (RELIABILITY 4.6).

Success is 204 alone: a captive portal says 200. 400 and 422 are about the data, whatever number of dropped rows they
claim; the number, which InfluxDB 3 tells by naming lines, is handed on for what it is worth. But 400 in the database's
own words only, which are JSON: a server that wants TLS says it whatever is written, and so does many a proxy. 401, 403,
404 and redirects are never about the data.
"""

from __future__ import annotations

import json
import re

from collector.stores.store import Answer, Held, Later, Refused, Stored

RETRY_AFTER_S_MAX = 600.0
_NOT_DATA = ("database not found", "authorization", "unauthorized", "timeout", "no space left")
_TOO_MANY = (
    "max-series",
    "max-values-per-tag",
)  # new series alone are refused: halving finds them, whatever the status
_DROPPED = re.compile(r"\bdropped=([0-9]{1,9})\b")


def of_write(status: int, body: str, retry_after: str | None = None) -> Answer:
    """The meaning of a write's HTTP answer."""
    reason = said(status, body)
    if status == 204:
        return Stored()
    if (status >= 500 or status == 400) and any(word in reason for word in _TOO_MANY):
        return _refused(reason, body)
    is_about_data = status in (413, 422) or (status == 400 and _own_words(body) is not None)
    if is_about_data and not any(word in reason.lower() for word in _NOT_DATA):
        return _refused(reason, body)
    if status == 429 or status >= 500:
        return Later(reason, _seconds(retry_after))
    if status in (401, 403):
        reason += ". Cure: user and password, or token, of `store` in the settings; SIGHUP puts new ones in force"
    return Held(reason)


def _refused(reason: str, body: str) -> Refused:
    claimed, lines = _DROPPED.search(reason), _lines(body)
    if lines:
        return Refused(f"{reason}: {lines[0]}"[:400], len(lines))
    return Refused(reason, int(claimed[1]) if claimed is not None else 0)


def _lines(body: str) -> list[str]:
    """What InfluxDB 3 says of each line that it has refused, up to a hundred in some of its products."""
    try:
        return [" ".join(line["error_message"].split()) for line in json.loads(body)["data"]]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return []


def said(status: int, body: str) -> str:
    """What an HTTP answer says, in one line."""
    message = _own_words(body)
    if message is None:
        message = "and a web page: is a proxy or a log-in page between?" if body.lstrip().startswith("<") else body
    line = " ".join(message.split())
    return f"HTTP {status} {line[:300]}".rstrip()


def _own_words(body: str) -> str | None:
    """What InfluxDB says; None when somebody else speaks."""
    try:
        told = json.loads(body)
        return str(told.get("error") or told["message"])
    except (ValueError, AttributeError, KeyError, RecursionError):
        return None


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds, capped; None for a date or garbage."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return min(float(retry_after), RETRY_AFTER_S_MAX)
