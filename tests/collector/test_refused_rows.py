"""Rows that InfluxDB refuses: kept with their reason, told by `gaps`, out of the quarantine once they are stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.config import Config, SqliteStore
from collector.delivery.gap_facts import from_state
from collector.delivery.ingest import Ingest
from collector.delivery.redrive import redrive
from collector.stores.influx1 import Influx1
from collector.stores.store import Stored
from tests.collector.test_ingest import BATCH, NOW, Bench, dump
from tests.servers import Influxd
from wire.ack import Code

pytestmark = pytest.mark.real
TEXT_WHERE_A_NUMBER_BELONGS = b'air_quality,node=foreign pm10_raw_ugm3="text" 1790000000000000000'


@pytest.fixture
def bench(tmp_path: Path, influxd: Influxd) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.store.close()
    made.store = Influx1(influxd.url, tmp_path.name.replace("-", "_"))  # type: ignore[assignment]
    assert made.store.prepare() == Stored()
    assert made.store.write([TEXT_WHERE_A_NUMBER_BELONGS]) == Stored()
    made.ingest = Ingest("c1", made.store, made.quarantine, made.registry)
    yield made
    made.close()


def test_they_are_told_by_sensor_and_hour(bench: Bench, tmp_path: Path) -> None:
    assert bench.send(dump(BATCH)) == [(42, Code.STORED_IN_PART)]
    bench.registry.save()
    settings = Config(store=SqliteStore(kind="sqlite"), state_file=tmp_path / "state.db")
    _, refused = from_state(settings)
    assert refused == {("lp-0017", "air-1", 1_790_000_000_000 // 3_600_000 * 3_600_000): 3}
    (content,) = bench.state.execute("SELECT content FROM quarantine_part WHERE row = 2").fetchone()
    assert json.loads(content)["line"].startswith("air_quality,node=lp-0017,sensor=air-1,")


def test_when_they_are_sent_again_after_the_cure_they_leave_the_quarantine(bench: Bench) -> None:
    bench.send(dump(BATCH))
    assert "lamppost resend lp-0017" in redrive(bench.state, bench.store, "c1", "lp-0017", 42, NOW)
    bench.ingest.take("lp-0017", dump(BATCH), NOW, replay=True)
    bench.ingest.write(NOW)
    assert (bench.answers(), bench.quarantine.counts()["part"]) == ([(42, Code.STORED_IN_PART)], 3)
    bench.store.remove("air_quality")
    bench.ingest.take("lp-0017", dump(BATCH), NOW, replay=True)
    bench.ingest.write(NOW)
    assert (bench.answers(), bench.quarantine.counts()["part"]) == ([(42, Code.STORED)], 0)
    assert [row[2:] for row in bench.rows("batch_ledger", "seq", "rows", "quarantined")] == [[4, 0]]
