"""A message that nobody foresaw stops neither the collector nor the messages beside it, and is not answered."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from collector.alerts.alerting import Alerting
from collector.broker.inbox import Arrived
from collector.collector import Collector
from collector.config import Config
from collector.delivery.ingest import Ingest
from collector.delivery.quarantine import Quarantine
from collector.delivery.registry import Registry
from collector.health.health import Trouble
from collector.numbers.calibration import Record
from collector.pipeline import IDLE_S
from collector.rules.engine import Engine
from collector.rules.series import Series
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Table
from wire import ack, batch, collector_status, names, signed, status
from wire.batch import Block
from wire.collector_status import CollectorStatus, State

NOW_MS = 1_790_000_062_000
GOOD, BAD = "lp-0001", "lp-0002"
SPOOLS = {GOOD: "a" * 32, BAD: "b" * 32}


class Inbox:
    """The link of a collector without a broker: what a test puts in arrives, what goes out is kept."""

    connection: int | None = 1
    trouble = Trouble("broker_away", "connection refused")

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.said: list[tuple[str, bytes]] = []
        self.counts: Counter[str] = Counter()

    def wait(self, timeout_s: float, live: bool = False) -> None:
        """Nothing is on its way."""

    def take(self, count: int = 0, live: bool = False) -> list[Arrived]:  # noqa: ARG002
        arrived, self.arrived = self.arrived, []
        return arrived

    def publish(self, topic: str, payload: bytes, retain: bool = False, expiry_s: int | None = None) -> None:  # noqa: ARG002
        self.said.append((topic, payload))

    def publish_all(self, messages: Iterable[tuple[str, bytes]], expiry_s: int) -> None:
        """Answers go out."""
        for topic, payload in messages:
            self.publish(topic, payload, expiry_s=expiry_s)

    def answered(self) -> list[tuple[str, int]]:
        """Node and sequence of every batch that was acknowledged as stored."""
        found = []
        for topic, payload in self.said:
            address = names.address(topic)
            if address is not None and address.channel == "ack":
                answer = ack.decode(signed.open_sealed(topic, payload))
                verdicts = answer.verdicts if isinstance(answer, ack.Ack) else ()
                found += [(address.node, v.seq) for v in verdicts if v.code == ack.Code.STORED]
        return found


class OnItsOwnTime(Collector):
    """Two seconds pass between one step and the next."""

    inbox: Inbox
    passed_s = 0.0

    def _seconds(self) -> float:  # type: ignore[override]
        return self.passed_s

    def receive(self, *messages: Arrived) -> None:
        self.passed_s += 2
        self.inbox.arrived += messages
        self.step(NOW_MS)


@pytest.fixture
def undecided(tmp_path: Path) -> Iterator[OnItsOwnTime]:
    """It listens whether there is another."""
    settings = Config.model_validate({"store": {"kind": "sqlite"}, "state_file": tmp_path / "collector.db"})
    store = Sqlite(tmp_path / "readings.db")
    store.prepare()
    inbox: Any = Inbox()
    made = OnItsOwnTime(settings, store=store, link=inbox, now_ms=lambda: NOW_MS)
    made.inbox = inbox
    made.receive()
    yield made
    made.close()


@pytest.fixture
def collector(undecided: OnItsOwnTime) -> OnItsOwnTime:
    undecided.receive()  # nobody else is there: it works from now on
    undecided.receive(birth(GOOD), birth(BAD))
    return undecided


def birth(node: str) -> Arrived:
    said = status.Birth(node, "here", "0" * 16, (SPOOLS[node],), 1, None, "1", "synced", ())
    return Arrived(names.status(node), status.encode(said), False)


def data(node: str, seq: int, kind: str = "air_quality") -> Arrived:
    block = Block("air-1", kind, [NOW_MS - 9_000 + seq], {"pm25_raw_ugm3": [0]}, {}, "plantower-pms5003@1")
    body = batch.encode(
        node=node, site="here", spool=SPOOLS[node], seq=seq, boot="b" * 8, clock="synced", blocks=[block]
    )
    return Arrived(names.data(node), body, False)


def break_on_bad(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """What only the future knows: batches of one node make the collector raise this."""
    take = Ingest.take

    def breaks(ingest: Ingest, node: str, *rest: Any) -> Any:
        if node == BAD:
            raise error
        return take(ingest, node, *rest)

    monkeypatch.setattr(Ingest, "take", breaks)


def test_the_others_are_stored_and_answered_and_a_person_is_told_where(
    collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_on_bad(patch, KeyError("lane"))
        collector.receive(data(GOOD, 1), data(BAD, 1), data(GOOD, 2), data(BAD, 2))
    assert collector.counts["unforeseen"] == 2
    assert collector.inbox.answered() == [(GOOD, 1), (GOOD, 2)]
    told = collector.ingest.alarms["unforeseen"]
    assert f"a message on {names.data(BAD)} breaks this program: KeyError at {__file__}:" in told
    assert "Cure: report it" in told
    collector.receive(data(BAD, 1))  # nobody answered it, so the agent sends it again, to a program that is mended
    assert collector.inbox.answered() == [(GOOD, 1), (GOOD, 2), (BAD, 1)]
    rows = collector.store.select(Select("air_quality", ("pm25_raw_ugm3",), 0, NOW_MS, group_by=("node",)))
    assert sum(len(series.rows) for series in rows) == 3


def test_what_came_before_it_was_decided_is_taken_without_what_breaks(
    undecided: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_on_bad(monkeypatch, KeyError("lane"))
    undecided.receive(birth(GOOD), birth(BAD), data(GOOD, 1), data(BAD, 1), data(GOOD, 2))
    undecided.receive()
    assert undecided.turn.active
    assert undecided.counts["unforeseen"] == 1
    assert undecided.inbox.answered() == [(GOOD, 1), (GOOD, 2)]


def test_a_birth_that_breaks_us_is_no_end_either(collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "update", lambda *_: dict[str, int]()["vitals"])
    collector.receive(birth(BAD), data(GOOD, 1))
    assert collector.counts["unforeseen"] == 1
    assert collector.inbox.answered() == [(GOOD, 1)]


def test_a_status_that_cannot_be_obeyed_is_one_alarm_until_the_next_that_can(
    collector: OnItsOwnTime, caplog: pytest.LogCaptureFixture
) -> None:
    """Each was a line in the log and nothing else: a node whose readings wait for its birth was nobody's to see."""
    for _ in range(20):
        collector.receive(Arrived(names.status(BAD), b'{"v":99}', False))
    assert collector.counts["bad_status"] == 20
    assert [name for name in collector.ingest.alarms if name.startswith("status")] == [f"status:{BAD}"]
    assert sum("is not obeyed" in record.getMessage() for record in caplog.records) == 1
    collector.receive(birth(BAD))
    assert f"status:{BAD}" not in collector.ingest.alarms


def test_an_error_of_our_own_file_is_none_of_a_message(
    collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not answered and comes again; what came beside it is stored and answered."""
    break_on_bad(monkeypatch, sqlite3.OperationalError("database or disk is full"))
    collector.receive(data(BAD, 1), data(GOOD, 1))
    assert collector.counts["unforeseen"] == 0
    assert collector.counts["state_failed"] == 1
    assert "database or disk is full. Cure: free space" in collector.ingest.alarms["state"]
    assert collector.inbox.answered() == [(GOOD, 1)]


def test_births_that_the_disk_does_not_take_hold_up_no_reading(
    collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(_: Registry) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "save", is_full)
        collector.receive(birth(GOOD), data(GOOD, 1))
    assert collector.inbox.answered() == [(GOOD, 1)]
    assert "database or disk is full. Cure: free space" in collector.ingest.alarms["state"]


def test_a_birth_is_answered_when_it_is_kept(collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has heard the hello finds the birth in the collector's file."""
    kept: list[bool] = []
    publish = collector.inbox.publish

    def look(topic: str, *rest: Any, **more: Any) -> None:
        if topic == names.ack(GOOD):
            kept.append(Registry(collector._state).get(GOOD) == collector.registry.get(GOOD))
        publish(topic, *rest, **more)

    monkeypatch.setattr(collector.inbox, "publish", look)
    said = status.Birth(GOOD, "here", "1" * 16, (SPOOLS[GOOD],), 1, None, "1", "synced", ())
    collector.receive(Arrived(names.status(GOOD), status.encode(said), False))
    assert kept == [True]


def test_a_rule_that_breaks_on_a_series_ends_no_ingest_and_keeps_no_other_series_from_the_rules(
    collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def breaks(_: Engine, series: Series, *__: Any) -> None:
        if series.node == BAD:
            raise TypeError("must be real number, not str")
        seen.append(series.node)

    monkeypatch.setattr(Engine, "observe", breaks)
    collector.alerting.watch.engine.kinds = frozenset({"air_quality"})
    collector.receive(data(BAD, 1), data(GOOD, 1))
    collector.receive()
    assert sorted(collector.inbox.answered()) == [(GOOD, 1), (BAD, 1)]
    assert seen == [GOOD]
    assert collector.counts["unforeseen"] == 1
    assert f"node={BAD}" in collector.ingest.alarms["unforeseen"]
    monkeypatch.setattr(Alerting, "tick", lambda *_: [][1])
    collector.receive(data(GOOD, 2))
    collector.receive()
    assert collector.inbox.answered()[-1] == (GOOD, 2)


def test_a_state_file_that_was_taken_away_is_told_and_nothing_is_said_to_be_kept_in_it(
    collector: OnItsOwnTime, tmp_path: Path
) -> None:
    """What is committed to a file without a name ends with this program: its sender has to keep it."""
    file, aside, quarantine = tmp_path / "collector.db", tmp_path / "aside.db", Quarantine(collector._state)
    refused = data(BAD, 1, kind="nonsense")
    file.rename(aside)
    file.write_bytes(b"")
    collector.receive(refused, data(GOOD, 1))
    collector.step(NOW_MS + 1_000)
    assert collector.inbox.answered() == [(GOOD, 1)]
    assert quarantine.counts()["whole"] == 0
    assert "deleted or replaced under this program. Cure: move it back" in collector.ingest.alarms["state"]
    assert "Cure: move it back, or start the program anew" in collector.ingest.alarms["quarantine"]
    aside.rename(file)
    collector.receive(refused)
    assert quarantine.counts()["whole"] == 1


def test_a_desk_file_that_was_taken_away_is_told_too(collector: OnItsOwnTime, tmp_path: Path) -> None:
    """Accounts, reports and the trail went on into a file without a name, and were gone with the program."""
    collector.config.desk_file.rename(tmp_path / "aside.db")
    collector.step(NOW_MS + 1_000)
    assert collector.ingest.alarms["state"].startswith(f"{collector.config.desk_file} was deleted or replaced")


def test_the_last_round_may_fail_as_any_other(collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise sqlite3.OperationalError("no such table: open_hour")

    monkeypatch.setattr(collector, "step", fails)
    monkeypatch.setattr(collector, "_tell", fails)
    collector._ending.set()
    collector._run()
    assert collector.counts["state_failed"] == 2


@pytest.mark.parametrize("part", ["step", "ingest.alarms.look", "report.tell"])
def test_a_round_that_breaks_is_not_the_last(
    collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    rounds = []

    def breaks(*_: Any) -> None:
        rounds.append(part)
        if len(rounds) == 1:
            raise ValueError("min() arg is an empty sequence")
        collector._ending.set()

    *way, name = part.split(".")
    monkeypatch.setattr(reduce(getattr, way, collector), name, breaks)
    collector._run()
    assert len(rounds) > 1
    assert "a round of the ingest breaks this program: ValueError" in collector.ingest.alarms["unforeseen"]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("database or disk is full"), ValueError("unforeseen")])
def test_after_a_round_that_fails_the_next_comes_after_a_while(
    collector: OnItsOwnTime, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """With a full disk and an answer of the database at hand it went round 7,700 times a second."""
    waits: list[float] = []
    rounds = iter(range(3))

    def fails(_: int) -> None:
        if next(rounds, None) is None:
            collector._ending.set()
        raise error

    monkeypatch.setattr(collector, "step", fails)
    monkeypatch.setattr(collector._ending, "wait", waits.append)
    collector._run()
    assert waits[:3] == [IDLE_S] * 3


def test_who_takes_over_with_a_full_disk_works_from_then_on(undecided: OnItsOwnTime) -> None:
    """A calibration that another had made meanwhile broke it off: no agent was greeted, the rules began nowhere."""
    body = json.dumps(asdict(Record(GOOD, "air-1", "pm25_ugm3", NOW_MS, NOW_MS, "anna", source="x" * 100_000)))
    tags = (("node", GOOD), ("sensor", "air-1"))
    columns: dict[str, list[Any]] = {"number": [1], "body": [body]}
    other = Table("calibration", tags, [NOW_MS], columns, frozenset({"number"}))
    undecided.store.write(undecided.store.render(other))
    said = [CollectorStatus(state, 0, NOW_MS) for state in (State.ACTIVE, State.OFFLINE)]
    lives, dies = (Arrived(names.collector_status("c0"), collector_status.encode(each), False) for each in said)
    undecided.receive(lives, birth(GOOD))
    state = undecided._state
    state.execute(f"PRAGMA max_page_count = {state.execute('PRAGMA page_count').fetchone()[0]}")
    undecided.inbox.said.clear()
    undecided.receive(dies)
    assert undecided.turn.active
    assert names.ack(GOOD) in dict(undecided.inbox.said), "it is greeted, and sends again at once"
    undecided.receive(data(GOOD, 1))
    assert undecided.inbox.answered() == [(GOOD, 1)]
