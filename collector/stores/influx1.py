"""InfluxDB 1.x through `/write`: the version that Debian and Raspberry Pi OS ship."""

from __future__ import annotations

from collections.abc import Sequence

import urllib3

from collector.pools import pools, silence
from collector.stores import answers
from collector.stores.influxql import Asker
from collector.stores.line_protocol import key, lines
from collector.stores.store import (
    ANSWER_S,
    Answer,
    Held,
    Later,
    Refused,
    Row,
    Select,
    Series,
    Store,
    Stored,
    StoreDown,
    Table,
)


class Influx1(Store):
    """One database of an InfluxDB 1.x server."""

    name = "influx1"

    def __init__(self, url: str, database: str, username: str | None = None, password: str | None = None) -> None:
        self._database = database
        self._headers = urllib3.make_headers(basic_auth=f"{username}:{password}") if username else {}
        self._asker = Asker(url, database, self._headers)
        self._pool = pools(ANSWER_S)
        self._write_url = f"{url.rstrip('/')}/write?db={database}&precision=ns"

    def prepare(self) -> Answer:
        """An empty write tells whether database and password fit; a missing database is created, if we may."""
        answer = self.write([])
        if not (isinstance(answer, Held) and "HTTP 404" in answer.reason):
            return Held(answer.reason) if isinstance(answer, Refused) else answer
        try:
            self._asker.ask(f'CREATE DATABASE "{self._database}"', post=True)
        except StoreDown as error:
            return Held(str(error))
        answer = self.write([])
        return Stored(made=True) if isinstance(answer, Stored) else answer

    def render(self, table: Table) -> list[Row]:
        return lines(table)

    def write(self, rows: Sequence[Row]) -> Answer:
        try:
            answer = self._pool.request("POST", self._write_url, body=b"\n".join(rows), headers=self._headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Later(f"InfluxDB does not answer: {silence(error)}")
        return answers.of_write(answer.status, answer.data.decode(errors="replace"), answer.headers.get("Retry-After"))

    def select(self, question: Select) -> list[Series]:
        return self._asker.select_all([question])[0]

    def select_all(self, questions: Sequence[Select]) -> list[list[Series]]:
        return self._asker.select_all(questions)

    def remove(self, measurement: str) -> None:
        """Series by series: to drop a measurement is for administrators, and a collector need not be one."""
        self._asker.ask(f'DROP SERIES FROM "{key(measurement)}"', post=True)

    def keep_for(self, days: int | None) -> None:
        """Shards as InfluxDB chooses them for a new policy; one that is longer than what is kept is refused."""
        length, shard = ("INF", "7d") if days is None else (f"{days}d", "1d" if days < 180 else "7d")
        self._asker.ask(
            f'ALTER RETENTION POLICY "autogen" ON "{self._database}" DURATION {length} SHARD DURATION {shard}',
            post=True,
        )

    def close(self) -> None:
        self._pool.clear()
        self._asker.close()
