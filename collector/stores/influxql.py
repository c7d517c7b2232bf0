"""Questions to InfluxDB 1, 2 and 3 over `/query`, in InfluxQL: the one dialect all three answer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
import urllib3

from collector.pools import pools, silence, within
from collector.stores.answers import said
from collector.stores.line_protocol import key
from collector.stores.store import ANSWER_S, Select, Series, StoreDown

_GET_CHARS_MAX = 1_500
"""Longer questions go in a body: proxies cut addresses, and encoding one costs more than the answer."""
_CHUNK_ROWS = 10_000  # what InfluxDB answers at a time, within itself


def render(question: Select) -> str:
    """The InfluxQL text of a question; every name is checked and every value escaped."""
    columns = ", ".join(_column(name, question) for name in question.columns)
    text = f'SELECT {columns} FROM "{key(question.measurement)}"'
    conditions = [_equals(tag, value) for tag, value in question.where.items()]
    conditions += [f'"{key(name)}" = {int(value)}' for name, value in question.equals.items()]
    conditions += [f"\"{key(name)}\" <> '{_quoted(text)}'" for name, text in question.unless.items()]
    if question.since_ms is not None:
        conditions.append(f"time >= {int(question.since_ms)}ms")
    if question.until_ms is not None:
        conditions.append(f"time < {int(question.until_ms)}ms")
    if conditions:
        text += " WHERE " + " AND ".join(conditions)
    groups = [f'"{key(tag)}"' for tag in question.group_by]
    if question.every_ms is not None:
        groups.insert(0, f"time({int(question.every_ms)}ms)")
    if groups:
        text += " GROUP BY " + ", ".join(groups)
    if question.every_ms is not None:
        text += " fill(none)"
    if question.descending or question.latest:
        text += " ORDER BY time DESC"
    limit = 1 if question.latest else question.limit
    if limit is not None:
        text += f" LIMIT {int(limit)}"
    return text


def _column(name: str, question: Select) -> str:
    quoted = f'"{key(name)}"'
    if question.aggregate is None:
        return quoted
    return f'{question.aggregate}({quoted}) AS "{name}"'


def _equals(tag: str, value: str | tuple[str, ...]) -> str:
    """Any of the values; what is not printable is no tag's value (line_protocol.py), and none of none is none."""
    values = (value,) if isinstance(value, str) else value
    either = [f"\"{key(tag)}\" = '{_quoted(one)}'" for one in values if one.isprintable()]
    return "(" + (" OR ".join(either) or "false") + ")"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _is_cut(series: dict[str, Any]) -> bool:
    """Whether rows are missing. What InfluxDB has put together of chunks it calls partial, too, whole as it is.

    So a limit of more rows than a chunk cuts unseen.
    """
    return bool(series.get("partial")) and len(series["values"]) <= _CHUNK_ROWS


class Asker:
    """Asks one database's `/query`. Safe to use from several threads."""

    def __init__(self, url: str, database: str, headers: dict[str, str]) -> None:
        self._url = url.rstrip("/") + "/query"
        self._database = database
        self._headers = headers
        self._pool = pools(ANSWER_S)

    def ask(self, statement: str, post: bool = False) -> list[dict[str, Any]]:
        """The series of one statement's answer. Raises StoreDown."""
        return self.ask_all([statement], post)[0]

    def ask_all(
        self, statements: Sequence[str], post: bool = False, within_s: float = ANSWER_S
    ) -> list[list[dict[str, Any]]]:
        """The series of each statement's answer, all in one request. Raises StoreDown."""
        text = ";".join(statements)
        fields = {"db": self._database, "q": text, "epoch": "ms"}
        in_body = post or len(text) > _GET_CHARS_MAX
        how: dict[str, Any]
        method, how = ("POST", {"encode_multipart": False}) if in_body else ("GET", {})
        try:
            answer = self._pool.request(
                method, self._url, fields=fields, headers=self._headers, timeout=within(within_s), **how
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreDown(f"{self._url} does not answer: {silence(error)}") from error
        if answer.status != 200:
            raise StoreDown(f"{self._url}: {said(answer.status, answer.data.decode(errors='replace'))}")
        try:
            results: list[dict[str, Any]] = msgspec.json.decode(answer.data)["results"]
            wrong = [result["error"] for result in results if "error" in result]
            found: list[list[dict[str, Any]]] = [result.get("series", []) for result in results]
            is_cut = any(map(_is_cut, chain.from_iterable(found)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StoreDown(f"{self._url} answers, but not as InfluxDB does") from error
        if wrong:  # the statements behind one that fails are not answered
            raise StoreDown(f"{self._url}: {wrong[0]}")
        if is_cut:  # of what is missing nothing may be computed, least of all that it was never there
            raise StoreDown(f"{self._url} tells a part of its answer only. Cure: max-row-limit = 0 in its settings")
        if len(results) != len(statements):
            raise StoreDown(f"{self._url} answers {len(results)} statements of {len(statements)}, not as InfluxDB does")
        return found

    def select_all(self, questions: Sequence[Select]) -> list[list[Series]]:
        """Answer questions in one request, within the least of their times. Raises StoreDown.

        Others that speak this language answer with a series of nothing where InfluxDB has none.
        """
        within_s = min((question.within_s for question in questions), default=ANSWER_S)
        answers = self.ask_all([render(question) for question in questions], within_s=within_s) if questions else []
        found = [
            [Series(one.get("tags", {}), one["values"]) for one in series if one.get("values")] for series in answers
        ]
        for question, some, series in zip(questions, found, answers, strict=True):
            timed = all(one.get("columns", [""])[0] == "time" for one in series)
            if not timed or any(one.tags.keys() != set(question.group_by) for one in some):
                raise StoreDown(f"{self._url} answers, but not as InfluxDB does: a series without what was asked for")
        return found

    def close(self) -> None:
        self._pool.clear()
