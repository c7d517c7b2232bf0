"""Alarms begin, stay as long as their kind stays, and end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from collector.alerts.self_watch import _OF_ALARM, of_alarms
from collector.clock import wall_ms
from collector.collector import Collector
from collector.config import Config
from collector.health.alarms import STAYS_MS, Alarms
from collector.health.self_report import alarms_beside
from collector.stores.sqlite import Sqlite
from collector.stores.store import Answer, Row, Select, Series, Stored, StoreDown
from tests.closes import Closes
from tests.collector.test_unforeseen import Inbox


def test_an_alarm_stays_while_it_is_raised_again_and_ends_after_silence() -> None:
    alarms, stays_ms = Alarms(), STAYS_MS["spool"]
    assert stays_ms is not None
    alarms.sound("spool:lp-1", "a spool that its birth does not name")
    alarms.look(1_000)
    for minute in range(0, 300, 15):
        alarms.sound("spool:lp-1", "still")
        alarms.look(minute * 60_000)
    assert (alarms["spool:lp-1"], alarms.since_ms["spool:lp-1"]) == ("still", 1_000)
    alarms.look(285 * 60_000 + stays_ms - 1)
    assert "spool:lp-1" in alarms
    alarms.look(285 * 60_000 + stays_ms)
    assert (alarms, alarms.since_ms) == ({}, {})


def test_an_alarm_that_is_taken_back_is_over_at_once_and_may_come_again() -> None:
    alarms = Alarms()
    alarms.sound("store", "HTTP 503")
    alarms.look(1_000)
    alarms.look(10**12)
    assert "store" in alarms, "silence is no cure for a database"
    alarms.pop("store")
    alarms.look(2 * 10**12)
    alarms.sound("store", "HTTP 401")
    alarms.look(3 * 10**12)
    assert alarms.since_ms == {"store": 3 * 10**12}


def test_an_alarm_of_a_clock_that_was_ahead_stays_no_longer_than_another() -> None:
    alarms, stays_ms = Alarms(), STAYS_MS["spool"]
    assert stays_ms is not None
    alarms.sound("spool:lp-1", "a spool that its birth does not name")
    for at_ms in (10**12 + 8 * 3_600_000, 10**12, 10**12 + stays_ms - 1):
        alarms.look(at_ms)
        assert "spool:lp-1" in alarms
    alarms.look(10**12 + stays_ms)
    assert not alarms


@pytest.mark.parametrize("kind", STAYS_MS)
def test_every_kind_of_alarm_is_an_alert_too(kind: str) -> None:
    assert of_alarms({f"{kind}:lp-1": "words"})


def test_of_every_kind_it_is_known_how_long_it_stays() -> None:
    """Of two calibrations under one number it was not, and the first look at their alarm was the ingest's last."""
    assert set(_OF_ALARM) - {"worker"} == set(STAYS_MS), "those of workers are kept by the pool"


class KeepsNothing(Sqlite):
    """As a proxy that answers 204 by itself."""

    def write(self, _: Sequence[Row]) -> Answer:
        return Stored()


class TellsNothing(Sqlite):
    """As a database that may be written to, but not asked."""

    def select(self, _: Select) -> list[Series]:
        raise StoreDown("not permitted")


@pytest.mark.parametrize(("kind", "alarms"), [(Sqlite, set()), (TellsNothing, set()), (KeepsNothing, {"canary"})])
def test_a_database_that_keeps_nothing_is_an_alarm(
    kind: type[Sqlite], alarms: set[str], tmp_path: Path, closes: Closes
) -> None:
    """Its readings are acknowledged, and gone from their agents a day later; a line in the log was all."""
    inbox: Any = Inbox()
    store = closes(kind(tmp_path / "r.db"))
    store.prepare()
    settings = Config.model_validate({"name": "c1", "store": {"kind": "sqlite"}, "state_file": tmp_path / "state.db"})
    collector = closes(Collector(settings, store=store, link=inbox))
    collector._look_whether_it_keeps()
    assert collector.ingest.alarms.keys() == alarms


def test_a_channel_through_which_nothing_gets_is_said_by_status(
    tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert of it went out through the very channels that took nothing, and `collector status` found nothing."""
    inbox: Any = Inbox()
    state = tmp_path / "state.db"
    settings = Config.model_validate({"name": "c1", "store": {"kind": "sqlite"}, "state_file": state})
    store = closes(Sqlite(tmp_path / "r.db"))
    store.prepare()
    collector = closes(Collector(settings, store=store, link=inbox))
    monkeypatch.setattr(collector.alerting.outbox, "deaf", lambda _: {"mail", "duty-phone"})
    now_ms = wall_ms()
    for passed_s in range(0, 20, 5):
        collector._tell(now_ms + passed_s * 1000)
        collector._report(now_ms + passed_s * 1000)
    words = "no message gets through duty-phone, mail. Cure: lamppost notify log tells why"
    assert alarms_beside(state, wall_ms(), runs=True)["undelivered"] == (words, now_ms)
    assert [view.rule for view in collector.alerting.current()] == ["collector-undelivered"]
    monkeypatch.setattr(collector.alerting.outbox, "deaf", lambda _: set())
    collector._report(now_ms + 80_000)
    assert "undelivered" not in collector.ingest.alarms


def test_a_canary_that_is_silent_is_said_by_status(tmp_path: Path, closes: Closes) -> None:
    """It was an alert, and the first command that one types found nothing wrong."""
    inbox: Any = Inbox()
    state = tmp_path / "state.db"
    alerts = {"canary": {"every": "1s"}}
    wants = {"name": "c1", "store": {"kind": "sqlite"}, "state_file": state, "alerts": alerts}
    store = closes(Sqlite(tmp_path / "r.db"))
    store.prepare()
    collector = closes(Collector(Config.model_validate(wants), store=store, link=inbox))
    assert collector.canary is not None
    collector.canary.wrong = "it did not come back"
    now_ms = wall_ms()
    for passed_s in (0, 10, 20):
        collector._report(now_ms + passed_s * 1000)
        collector._tell(now_ms + passed_s * 1000)
    (said,) = alarms_beside(state, wall_ms(), runs=True).values()
    assert said == ("the canary is silent: it did not come back", now_ms)
    assert [view.rule for view in collector.alerting.current()] == ["collector-canary"]
    collector.canary.wrong = None
    collector._report(now_ms + 30_000)
    assert not collector.ingest.alarms
