"""What is refused: kept with its reason, told by `gaps` and `audit`, out of the quarantine once it is stored."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from collector.config import Config, SqliteStore, Station
from collector.delivery.audit import audit
from collector.delivery.gap_facts import from_state, whole_batches
from collector.delivery.redrive import redrive
from collector.numbers.calibration import Calibrations, Record
from collector.numbers.window_book import WindowBook
from collector.pipeline import make_ingest
from collector.stores.influx1 import Influx1
from collector.stores.influxql import Asker
from collector.stores.store import Answer, Later, Refused, Row, Stored, StoreDown
from tests.closes import Closes
from tests.collector.bench import BATCH, NOW, SPOOL, Bench, changed, dump
from tests.ingest import ingest_on
from tests.servers import Influxd
from wire import batch
from wire.ack import Code
from wire.times import HOUR_MS

BEGAN_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
TEXT_WHERE_A_NUMBER_BELONGS = b'air_quality,node=foreign pm10_raw_ugm3="text" 1790000000000000000'


class CountsWrites(Influx1):
    """A real one."""

    writes = 0

    def write(self, rows: Sequence[Row]) -> Answer:
        self.writes += 1
        return super().write(rows)


@pytest.fixture
def embedded(tmp_path: Path, closes: Closes) -> Bench:
    return closes(Bench(tmp_path))


@pytest.fixture
def bench(tmp_path: Path, influxd: Influxd) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.store.close()
    made.store = Influx1(influxd.url, tmp_path.name.replace("-", "_"))  # type: ignore[assignment]
    assert made.store.prepare() == Stored()
    assert made.store.write([TEXT_WHERE_A_NUMBER_BELONGS]) == Stored()
    made.ingest = ingest_on(made.store, made.registry, made.state)
    yield made
    made.close()


@pytest.mark.real
def test_rows_that_the_database_refuses_are_told_by_sensor_and_hour(bench: Bench, tmp_path: Path) -> None:
    assert bench.send(dump(BATCH)) == [(42, Code.STORED_IN_PART)]
    bench.registry.save()
    _, refused = from_state(settings_of(tmp_path))
    assert refused == {("lp-0017", "air-1", BEGAN_MS): 3}
    (content,) = bench.state.execute("SELECT content FROM quarantine_part WHERE row = 2").fetchone()
    assert json.loads(content)["line"].startswith("air_quality,node=lp-0017,sensor=air-1,")


@pytest.mark.real
def test_when_they_are_sent_again_after_the_cure_they_leave_the_quarantine(
    bench: Bench, influxd: Influxd, tmp_path: Path
) -> None:
    bench.send(dump(BATCH))
    assert "lamppost resend lp-0017" in driven_again(bench, settings_of(tmp_path), 42, NOW)
    bench.ingest.take("lp-0017", dump(BATCH), NOW, replay=True)
    bench.ingest.write(NOW)
    assert (bench.answers(), bench.ingest.quarantine.counts()["part"]) == ([(42, Code.STORED_IN_PART)], 3)
    Asker(influxd.url, tmp_path.name.replace("-", "_"), {}).ask("DROP MEASUREMENT air_quality", post=True)
    bench.ingest.take("lp-0017", dump(BATCH), NOW, replay=True)
    bench.ingest.write(NOW)
    assert (bench.answers(), bench.ingest.quarantine.counts()["part"]) == ([(42, Code.STORED)], 0)
    assert [row[2:] for row in bench.rows("batch_ledger", "seq", "rows", "quarantined")] == [[4, 0]]


@pytest.mark.real
def test_a_backlog_older_than_the_database_keeps_is_kept_whole_with_few_writes(
    tmp_path: Path, influxd: Influxd, closes: Closes
) -> None:
    """Row by row it would hold up all others, and its row in the ledger would be refused for ever."""
    bench = closes(Bench(tmp_path))
    bench.store.close()
    bench.store = CountsWrites(influxd.url, tmp_path.name.replace("-", "_"))  # type: ignore[assignment]
    assert bench.store.prepare() == Stored()
    bench.store.keep_for(7)
    bench.ingest = ingest_on(bench.store, bench.registry, bench.state)
    now_ms = time.time_ns() // 1_000_000
    days = {1: 20, 2: 20, 3: 0, 4: 20}
    for seq, ago in days.items():
        times = [now_ms - ago * 24 * HOUR_MS - 600_000 + seq * 60_000 + second * 100 for second in range(500)]
        block = batch.Block("air-1", "air_quality", times, {"pm25_raw_ugm3": [1.0] * 500})
        head: Any = {"node": "lp-0017", "site": "s", "spool": SPOOL, "boot": "b71d04c2", "clock": "synced"}
        bench.ingest.take("lp-0017", batch.encode(**head, seq=seq, blocks=[block]), now_ms)
    bench.ingest.write(now_ms)
    assert bench.answers() == [(1, Code.QUARANTINED), (2, Code.QUARANTINED), (4, Code.QUARANTINED), (3, Code.STORED)]
    assert len(bench.rows("air_quality", "pm25_raw_ugm3")) == 500
    assert bench.ingest.quarantine.counts() == {"whole": 3, "part": 0, "stray": 0}
    assert "store" not in bench.ingest.alarms
    assert bench.store.writes < 20, bench.store.writes  # type: ignore[attr-defined]
    bench.store.keep_for(None)
    assert driven_again(bench, settings_of(tmp_path), 1, now_ms) == "stored 1 of 1"
    assert [(found.rows_missing, found.sequences_missing) for found in audit(bench.store, None, {})] == [
        (0, [(SPOOL, 2)])
    ]


@pytest.mark.parametrize("what", [changed("/blocks/0/tags", {"lane": "1"}), changed("/clock", "sundial")])
def test_every_reading_of_a_refused_block_or_batch_is_told(embedded: Bench, what: bytes, tmp_path: Path) -> None:
    embedded.send(what)
    _, refused = from_state(settings_of(tmp_path))
    assert refused["lp-0017", "air-1", BEGAN_MS] == 3


@pytest.mark.parametrize("what", [{"sensor": ["air-1"]}, {"t0": 10**400, "dt": [0, 1.5, 2]}])
def test_a_block_that_nobody_can_count_keeps_no_other_from_being_told(
    what: dict[str, Any], embedded: Bench, tmp_path: Path
) -> None:
    """One such block of one node, and `lamppost gaps` ended with a traceback for the whole city."""
    embedded.send(dump(BATCH | {"blocks": [BATCH["blocks"][0], BATCH["blocks"][0] | what]}))
    embedded.send(changed("/blocks/0/tags", {"lane": "1"}).replace(b'"seq":42', b'"seq":43'))
    _, refused = from_state(settings_of(tmp_path))
    assert refused["lp-0017", "air-1", BEGAN_MS] == 3


def test_a_refused_block_is_kept_whole_however_large(embedded: Bench) -> None:
    """It was cut after 64 KiB, and its sender told that it may let go of it: the rest of its batch is stored."""
    fields = {f"new_{number}": [1234.5] * 500 for number in range(16)}
    newer = {"sensor": "new-1", "kind": "air_quality", "t0": 1_790_000_000_000, "dt": [0, *[1] * 499], "fields": fields}
    assert embedded.send(dump(BATCH | {"blocks": [*BATCH["blocks"], newer]})) == [(42, Code.STORED_IN_PART)]
    (content,) = embedded.state.execute("SELECT content FROM quarantine_part").fetchone()
    assert json.loads(content) == newer


def test_a_batch_in_quarantine_as_a_whole_is_no_hole_to_the_audit(embedded: Bench, tmp_path: Path) -> None:
    for seq in range(1, 5):
        good = BATCH | {"seq": seq, "clock": "sundial" if seq == 2 else "synced"}
        embedded.send(dump(good | {"spool": SPOOL}))
    kept = whole_batches(settings_of(tmp_path))
    assert [finding.sequences_missing for finding in audit(embedded.store)] == [[(SPOOL, 2)]]
    assert [finding.sequences_missing for finding in audit(embedded.store, None, kept)] == [[]]
    assert [finding.batches_quarantined for finding in audit(embedded.store, None, kept)] == [1]


def test_a_batch_that_is_driven_again_is_made_of_as_any_other_and_its_hours_are_due(
    embedded: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It got neither the calibration in force nor the state of its station's gases, and no hour, day or index."""
    with monkeypatch.context() as patch:
        patch.setattr(embedded.store, "write", lambda _: Refused("beyond retention policy"))
        raw: dict[str, Any] = {"pm25_raw_ugm3": [12, None, 13], "no2_raw_ppb": [50, 50, 50]}
        assert embedded.send(changed("/blocks/0/fields", raw)) == [(42, Code.QUARANTINED)]
    twice = Record("lp-0017", "air-1", "pm25_ugm3", from_ms=0, made_ms=0, who="wang", slope=2.0)
    Calibrations(embedded.state).add(twice)
    european = Station(node="lp-0017", zh="站", en="station", gas_state="20C")
    settings = settings_of(tmp_path).model_copy(update={"stations": [european]})
    assert driven_again(embedded, settings, 42, NOW) == "stored 1 of 1"
    (first, *_) = embedded.rows("air_quality", "pm25_ugm3", "no2_ugm3", "cal_id")
    assert first[1:] == [24.0, pytest.approx(95.63, abs=0.01), "pm25_ugm3:c1,no2_ugm3:20C"]
    due = WindowBook(embedded.state, owner=False).due(NOW, 100)
    assert {(key[0], hour_ms) for key, hour_ms in due} == {("air_quality", BEGAN_MS), ("traffic_flow", BEGAN_MS)}


@pytest.mark.parametrize("is_full", [False, True])
def test_many_batches_that_are_refused_are_kept_with_one_commit_or_none_of_them_is_answered(
    embedded: Bench, monkeypatch: pytest.MonkeyPatch, is_full: bool
) -> None:
    """Five thousand of one row each held up the ingest for half a minute: each was a commit of its own."""
    monkeypatch.setattr(embedded.store, "write", lambda _: Refused("beyond retention policy"))
    for seq in range(1, 41):
        embedded.ingest.take("lp-0017", changed("/seq", seq), NOW)
    embedded.ingest.series.flush()
    if is_full:
        embedded.state.execute(f"PRAGMA max_page_count = {embedded.state.execute('PRAGMA page_count').fetchone()[0]}")
    said: list[str] = []
    embedded.state.set_trace_callback(said.append)
    embedded.ingest.write(NOW)
    assert said.count("COMMIT") == (0 if is_full else 1)
    assert embedded.answers() == ([] if is_full else [(seq, Code.QUARANTINED) for seq in range(1, 41)])
    assert embedded.ingest.counts["quarantined_batches"] == (0 if is_full else 40)


def test_a_database_that_is_away_has_refused_nothing(
    embedded: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`quarantine redrive` called it refused again, which sent a person to look for what is wrong with the batch."""
    with monkeypatch.context() as patch:
        patch.setattr(embedded.store, "write", lambda _: Refused("beyond retention policy"))
        assert embedded.send(dump(BATCH)) == [(42, Code.QUARANTINED)]
        patch.setattr(embedded.store, "write", lambda _: Later("HTTP 503"))
        with pytest.raises(StoreDown, match="HTTP 503"):
            driven_again(embedded, settings_of(tmp_path), 42, NOW)
    assert driven_again(embedded, settings_of(tmp_path), 42, NOW) == "stored 1 of 1"


def driven_again(bench: Bench, settings: Config, seq: int, now_ms: int) -> str:
    ingest = make_ingest(settings, bench.store, bench.registry, bench.state, Calibrations(bench.state))
    book = WindowBook(bench.state, owner=False)
    return redrive(ingest, book, settings.reporting(), bench.state, "lp-0017", seq, now_ms)


def settings_of(folder: Path) -> Config:
    return Config(store=SqliteStore(kind="sqlite"), state_file=folder / "state.db")
