"""Answers of the database that are lost (F11), refuse rows (F12) or come from somebody else (F13)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from collector.delivery.halving import write_halving
from collector.delivery.ingest import Ingest
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.stores.influx1 import Influx1
from collector.stores.store import Answer, Held, Later, Refused, Row, Select, Store, Stored, StoreDown, Table
from tests import stored
from tests.answering import Answering, reply
from tests.closes import Closes
from tests.ingest import ingest_on
from tests.servers import Influxd
from wire import batch
from wire.ack import Code
from wire.status import Birth

NOW = 1_790_000_062_000
SPOOL = "00112233445566778899aabbccddeeff"


def payload(seq: int, rows: int = 10) -> bytes:
    block = batch.Block(
        "air-1", "air_quality", [NOW - 10**6 + seq * 10_000 + n for n in range(rows)],
        {"pm25_raw_ugm3": [seq * rows + n for n in range(rows)]}, {}, "plantower-pms5003@1",
    )  # fmt: skip
    return batch.encode(node="lp-1", site="s", spool=SPOOL, seq=seq, boot="b71d04c2", clock="synced", blocks=[block])


def born_on(store: Store, folder: Path, closes: Closes) -> Ingest:
    state = closes(open_state(folder / "state.db"))
    registry = Registry(state)
    registry.update(Birth("lp-1", "s", "0" * 16, (SPOOL,), 1, None, "0", "synced"), NOW)
    return ingest_on(store, registry, state)


def codes(ingest: Ingest, now_ms: int) -> list[int]:
    return [verdict.code for _, ack in ingest.acks(now_ms) for verdict in ack.verdicts]


class LosesAnswers(Influx1):
    """The write is done; one answer in five is not heard."""

    rng = random.Random(11)

    def write(self, rows: Sequence[Row]) -> Answer:
        answer = super().write(rows)
        return Later("the answer is lost") if self.rng.random() < 0.2 else answer


@pytest.mark.real
def test_a_lost_answer_doubles_nothing(tmp_path: Path, closes: Closes) -> None:
    server = Influxd(tmp_path / "influxd")
    server.start()
    try:
        store = LosesAnswers(server.url, "lamppost")
        while not isinstance(store.prepare(), Stored):
            continue
        ingest, now_ms, confirmed = born_on(store, tmp_path, closes), NOW, 0
        for seq in range(1, 101):
            ingest.take("lp-1", payload(seq), now_ms)
            now_ms += 20_000  # past every wait for another try
            ingest.write(now_ms)
            confirmed += codes(ingest, now_ms).count(Code.STORED)
        while ingest.pending_rows():
            now_ms += 20_000
            ingest.write(now_ms)
        confirmed += codes(ingest, now_ms).count(Code.STORED)
        assert confirmed == 100
        found = [value for _, value in stored.rows(store, "air_quality", "pm25_raw_ugm3")]
        assert sorted(found) == list(range(10, 1010))
        assert ingest.counts["store_later"] >= 10, "answers were lost"
    finally:
        server.stop()


@pytest.mark.real
def test_a_database_that_was_dropped_is_made_anew_and_people_are_told(tmp_path: Path, closes: Closes) -> None:
    """All that it had held was missing, and but for a line in the log nobody heard of it while agents had it still."""
    server = Influxd(tmp_path / "influxd")
    server.start()
    try:
        store = closes(Influx1(server.url, "lamppost"))
        ingest, now_ms = born_on(store, tmp_path, closes), NOW
        for seq in range(1, 3):  # the first finds no database: it is the collector's first day
            ingest.take("lp-1", payload(seq), now_ms)
            for _ in range(2):
                ingest.write(now_ms)
                now_ms += 20_000
        assert codes(ingest, now_ms) == [Code.STORED, Code.STORED]
        assert not ingest.alarms
        store._asker.ask('DROP DATABASE "lamppost"', post=True)
        ingest.take("lp-1", payload(3), now_ms)
        for _ in range(2):
            ingest.write(now_ms)
            now_ms += 20_000
        assert codes(ingest, now_ms) == [Code.STORED]
        assert "was made anew: what it held is missing" in ingest.alarms["emptied"]
    finally:
        server.stop()


class TellsTenRows(Influxd):
    """An InfluxDB whose operator has set a limit on answers."""

    extra = "max-row-limit = 10"


@pytest.mark.real
@pytest.mark.parametrize("rows", [10_000, 10_001, 20_000, 25_000])
def test_a_long_answer_is_whole(tmp_path: Path, closes: Closes, rows: int) -> None:
    """InfluxDB calls a series of more than one chunk partial, although all of it is there."""
    server = Influxd(tmp_path / "influxd")
    server.start()
    try:
        store = closes(Influx1(server.url, "lamppost"))
        assert store.prepare() == Stored()
        columns = {"pm25_raw_ugm3": list(range(rows))}
        tags = (("node", "lp-1"), ("sensor", "air-1"), ("site", "s"))
        table = Table("air_quality", tags, [NOW + n for n in range(rows)], columns)
        stored.put(store, table)
        (series,) = store.select(Select("air_quality", ("pm25_raw_ugm3",)))
        assert len(series.rows) == rows
    finally:
        server.stop()


@pytest.mark.real
def test_a_part_of_an_answer_is_none(tmp_path: Path, closes: Closes) -> None:
    server = TellsTenRows(tmp_path / "influxd")
    server.start()
    try:
        store = closes(Influx1(server.url, "lamppost"))
        assert store.prepare() == Stored()
        ingest = born_on(store, tmp_path, closes)
        ingest.take("lp-1", payload(1, rows=11), NOW)
        ingest.write(NOW)
        assert codes(ingest, NOW) == [Code.STORED]
        first = NOW - 10**6 + 10_000
        (series,) = store.select(Select("air_quality", ("pm25_raw_ugm3",), first, first + 10))
        assert len(series.rows) == 10
        with pytest.raises(StoreDown, match="max-row-limit = 0"):
            store.select(Select("air_quality", ("pm25_raw_ugm3",)))
    finally:
        server.stop()


@pytest.mark.parametrize("bad", [{0}, {64}, {127}, {0, 127}, {1, 2, 3}, set(range(128)), set()], ids=str)
def test_refused_rows_are_found_wherever_they_stand_with_few_writes(bad: set[int]) -> None:
    rows, writes, kept = list(range(128)), 0, set()

    def write(part: Sequence[Row]) -> Answer:
        nonlocal writes
        writes += 1
        if bad & set(part):
            return Refused("no")
        kept.update(part)
        return Stored()

    found = write_halving(write, rows)
    assert found == Stored(dict.fromkeys(bad, "no"))
    assert kept == set(rows) - bad
    assert writes <= max(1, 2 * len(bad) * math.ceil(math.log2(len(rows)) + 1))


@pytest.mark.parametrize("good", [set(), {1_000}, {0, 77, 4_999}], ids=str)
def test_a_body_of_which_nearly_all_is_refused_without_a_number_is_hardly_halved(good: set[int]) -> None:
    """It took two writes a row: a whole and its halves down to each of them."""
    bodies: list[int] = []

    def write(part: Sequence[Row]) -> Answer:
        bodies.append(len(part))
        return Stored() if good.issuperset(part) else Refused("no")

    found = write_halving(write, list(range(5_000)))
    assert found == Stored(dict.fromkeys(set(range(5_000)) - good, "no"))
    assert len(bodies) <= 5_000 + 15 * (1 + len(good))


def test_a_claim_to_have_dropped_all_is_believed_and_one_of_fewer_is_not() -> None:
    bodies: list[int] = []

    def write(part: Sequence[Row]) -> Answer:
        bodies.append(len(part))
        bad = [row for row in part if row < 64]
        return Refused("too old", len(bad) if len(bad) == len(part) else 0) if bad else Stored()

    assert write_halving(write, list(range(128))) == Stored(dict.fromkeys(range(64), "too old"))
    assert bodies == [128, 64, 64]


@pytest.mark.parametrize("claimed", range(1, 9))
def test_a_claim_about_a_few_rows_is_not_believed(claimed: int) -> None:
    """One that says the same of every body: the good row beside the bad ones is stored."""
    kept: set[int] = set()

    def write(part: Sequence[Row]) -> Answer:
        kept.update(row for row in part if row == 7)
        return Stored() if part == [7] else Refused("too old", claimed)

    assert write_halving(write, list(range(8))) == Stored(dict.fromkeys(range(7), "too old"))
    assert kept == {7}


class Portal(Answering):
    """Answers every write and question alike, until it is told otherwise."""

    def __init__(self) -> None:
        self.status, self.body = 204, b""
        self.bodies: list[bytes] = []
        super().__init__()

    def answer(self, call: BaseHTTPRequestHandler, body: bytes) -> None:
        self.bodies += [body] if body else []
        reply(call, self.status, self.body, Location="http://127.0.0.1:9/")


@pytest.fixture
def portal(closes: Closes) -> Portal:
    return closes(Portal())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b""),
        (403, b""),
        (404, b'{"error":"database not found"}'),
        (301, b""),
        (302, b"<html>"),
        (200, b"<html>Log in</html>"),
        (400, b"Client sent an HTTP request to an HTTPS server.\n"),  # InfluxDB itself, once it wants TLS
        (400, b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title>"),
    ],
)
def test_an_answer_of_somebody_else_holds_everything_raises_an_alarm_and_loses_nothing(
    portal: Portal, tmp_path: Path, status: int, body: bytes, closes: Closes
) -> None:
    ingest = born_on(Influx1(portal.url, "lamppost"), tmp_path, closes)
    portal.status, portal.body = status, body
    ingest.take("lp-1", payload(1), NOW)
    for second in range(0, 600, 10):
        ingest.write(NOW + 1000 * second)
        assert codes(ingest, NOW) == [], "nobody is told anything that would let him delete"
        assert "store" in ingest.alarms, "and the alarm stands from the first try"
    assert ingest.quarantine.counts() == {"whole": 0, "part": 0, "stray": 0}
    portal.status, portal.body = 204, b""
    portal.bodies.clear()
    ingest.write(NOW + 700_000)
    assert codes(ingest, NOW) == [Code.STORED]
    assert sum(body.count(b"air_quality,") for body in portal.bodies) == 10
    assert "store" not in ingest.alarms


def test_a_database_that_cannot_be_made_is_named_with_the_reason(portal: Portal) -> None:
    portal.status, portal.body = 404, b'{"error":"database not found: \\"lamppost\\""}'
    answer = Influx1(portal.url, "lamppost").prepare()
    assert answer == Held(f'{portal.url}/query: HTTP 404 database not found: "lamppost"')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Log in</html>",
        b"[]",
        b"{}",
        b'{"results":null}',
        b'{"results":[]}',
        b'{"results":["x"]}',
        b'{"results":[1]}',
        b'{"results":{"a":1}}',
        b'{"results":"x"}',
        b'{"results":[{},{}]}',
        b'{"results":[{"error":"timeout"}]}',
    ],
)
def test_a_question_that_somebody_else_answers_is_one_that_nobody_answered(portal: Portal, body: bytes) -> None:
    portal.status, portal.body = 200, body
    with pytest.raises(StoreDown):
        Influx1(portal.url, "lamppost").select(Select("air_quality", ("pm25_ugm3",)))
