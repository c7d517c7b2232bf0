"""The write path of InfluxDB 2 and 3: `/api/v2/write` with InfluxData's client, against VictoriaMetrics."""

from __future__ import annotations

import json
import time
import urllib.request

import pytest

from collector.delivery import ledger
from collector.stores import care
from collector.stores.influx2 import Influx2
from collector.stores.store import Later, Stored, StoreDown, Table
from tests.servers import Victoria, free_port, wait_for
from tests.stored import put

pytestmark = pytest.mark.real
T0 = 1_790_000_000_000


def table(node: str) -> Table:
    tags = (("node", node), ("sensor", "air-1"), ("site", "s"))
    return Table("air_quality", tags, [T0, T0 + 1000], {"pm25_ugm3": [12.5, 0], "qc": [1, 1]}, frozenset({"qc"}))


def test_rows_written_through_api_v2_arrive(victoria: Victoria) -> None:
    store = Influx2(victoria.url, "lamppost", "lamppost", "a-token")
    assert store.prepare() == Stored()
    put(store, table("lp-2"))
    question = f'{victoria.url}/api/v1/export?match=air_quality_pm25_ugm3{{node="lp-2"}}&reduce_mem_usage=1'

    def exported() -> dict[int, float]:
        """Time to value; a series may come in several lines while its parts are not merged."""
        with urllib.request.urlopen(question, timeout=5) as answer:
            lines = [json.loads(line) for line in answer.read().splitlines()]
        return {time: value for line in lines for time, value in zip(line["timestamps"], line["values"], strict=True)}

    wait_for("the rows to be searchable", lambda: len(exported()) == 2)
    assert exported() == {T0: 12.5, T0 + 1000: 0}
    store.close()


def test_a_database_that_does_not_answer_means_later() -> None:
    store = Influx2(f"http://127.0.0.1:{free_port()}", "lamppost", "lamppost", "a-token")
    assert isinstance(store.write(store.render(table("lp-2"))), Later)
    store.close()


def test_a_database_that_takes_writes_and_answers_otherwise_is_told_by_its_answers(victoria: Victoria) -> None:
    store = Influx2(victoria.url, "lamppost", "lamppost", "t")
    with pytest.raises(StoreDown, match="answers, but not as InfluxDB does"):
        ledger.highest_of_all(store)
    with pytest.raises(StoreDown, match="answers, but not as InfluxDB does"):
        ledger.highest(store, "lp-1", "0" * 32)
    with pytest.raises(StoreDown, match="answers, but not as InfluxDB does"):
        care.probe(store, "c1", round(time.time() * 1000))
    with pytest.raises(StoreDown, match=r"^bucket lamppost cannot be made or changed: HTTP 400 [^\n]+$"):
        store.keep_for(30)
    store.close()
