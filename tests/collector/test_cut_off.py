"""A lost broker is told by whoever of several collectors can, and told to be over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.broker.inbox import Arrived
from collector.config import Config
from collector.stores.sqlite import Sqlite
from tests.collector.test_unforeseen import NOW_MS, Inbox, OnItsOwnTime
from wire import collector_status, names
from wire.collector_status import CollectorStatus, State

LOST = {"alert": "broker-lost", "kind": "collector", "offline": "1m", "text": {"zh": "断开", "en": "no broker"}}


class Told(OnItsOwnTime):
    """Ten seconds pass between one step and the next; `told` is what the outbox was given."""

    now_ms = NOW_MS

    def wait(self, seconds: int) -> None:
        for _ in range(seconds // 10):
            self.passed_s += 10
            self.now_ms += 10_000
            self.step(self.now_ms)

    def hear(self, state: State, since_ms: int) -> None:
        said = collector_status.encode(CollectorStatus(state, since_ms, self.now_ms))
        self.inbox.arrived.append(Arrived(names.collector_status("c2"), said, False))

    @property
    def told(self) -> list[tuple[str, str]]:
        bodies = [each.body["lines"] for each in self.alerting.outbox.open.values()]
        return [(alert["rule"], state) for lines in bodies for state, alert in lines]


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Told]:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump([LOST]))
    hook = {"name": "hook", "kind": "webhook", "url": "http://127.0.0.1:9/"}
    said = {"store": {"kind": "sqlite"}, "state_file": tmp_path / "collector.db", "rules": [str(rules)]}
    store = Sqlite(tmp_path / "readings.db")
    store.prepare()
    inbox: Any = Inbox()
    settings = Config.model_validate({**said, "alerts": {"channels": [hook], "group": "0s"}})
    made = Told(settings, store=store, link=inbox, now_ms=lambda: NOW_MS)
    made.inbox = inbox
    yield made
    made.close()


def test_the_one_that_works_tells_it_also_where_another_stands_by(collector: Told) -> None:
    """Both waited for the other, for as long as the broker was away."""
    collector.wait(20)
    collector.hear(State.STANDBY, 1)
    collector.wait(10)
    collector.inbox.connection = None
    collector.wait(100)
    assert collector.told == [("broker-lost", "firing")]


def test_what_it_told_of_its_link_is_over_when_another_has_taken_its_work(collector: Told) -> None:
    collector.wait(20)
    collector.hear(State.STANDBY, 1)
    collector.wait(10)
    collector.inbox.connection = None
    collector.wait(100)
    collector.hear(State.ACTIVE, collector.now_ms)
    collector.inbox.connection = 2
    collector.wait(10)
    assert collector.turn.standby.state is State.STANDBY
    assert collector.told == [("broker-lost", "firing"), ("broker-lost", "resolved")]


def test_one_that_stands_by_tells_that_it_is_cut_off_for_who_worked_may_be_lost_with_the_broker(
    collector: Told,
) -> None:
    collector.hear(State.ACTIVE, 1)
    collector.wait(20)
    collector.inbox.connection = None
    collector.wait(280)
    assert collector.told == []
    collector.wait(60)
    assert collector.told == [("collector-broker", "firing")]
    collector.hear(State.ACTIVE, 1)
    collector.inbox.connection = 2
    collector.wait(60)
    assert collector.told[1:] == [("collector-broker", "resolved")]


def test_a_lone_collector_that_finds_no_broker_at_its_start_says_so(collector: Told) -> None:
    collector.inbox.connection = None
    collector.wait(350)
    assert collector.told == [("collector-broker", "firing")]
    collector.inbox.connection = 1
    collector.wait(60)
    assert collector.told[1:] == [("collector-broker", "resolved")]
