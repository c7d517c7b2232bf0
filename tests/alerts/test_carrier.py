"""Points of alerts and lines of the audit trail are carried beside the steps, which wait for no database, no file."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.stores.store import Answer, Later, Refused
from collector.writers import Writers
from tests.alerts.desk import HIGH, Desk
from tests.closes import Closes
from tests.collector.test_ingest_beside import Beside
from tests.typed import typed
from wire.times import MINUTE_MS


@pytest.fixture
def desk(tmp_path: Path, closes: Closes) -> Desk:
    return closes(Desk(tmp_path, HIGH))


def test_while_the_database_hangs_at_a_point_alerts_are_told_and_later_ones_follow_it(desk: Desk) -> None:
    desk.alerting.points.aside = beside = Beside()
    desk.reading(90.0)
    desk.tick()
    assert len(desk.told) == 1
    desk.now_ms += 10_000
    desk.reading(10.0)
    desk.tick()
    assert len(beside.waiting) == 2, "one write of points at a time, and one of the end that waits for its group"
    assert desk.points() == []
    while beside.waiting:
        beside.do()
        desk.tick()
    assert [state for state, _ in desk.points()] == ["firing", "resolved"]


def test_a_database_that_is_away_is_asked_again_after_a_while(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def away(_: Any) -> Answer:
        asked.append(desk.now_ms)
        return Later("away")

    desk.reading(90.0)
    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "write", away)
        desk.wait(10_000, 500)
        assert len(asked) == 2
    desk.wait(10_000, 500)
    assert desk.points() == [("firing", 0)]


def test_a_database_that_came_from_a_backup_gets_the_points_of_a_span_once_more(desk: Desk) -> None:
    """`recompute --since DAY` brought its hours back, and no alert: Grafana and a standby knew of none."""
    desk.reading(90.0)
    desk.tick()
    written, since_ms = desk.points(), desk.now_ms
    desk.store.remove("alerts")
    settings = desk.folder / "collector.yaml"
    settings.write_text(f"store: {{kind: sqlite, path: {desk.folder}/readings.db}}\nstate_file: {desk.folder}/c1.db\n")
    since, until = (datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (since_ms, since_ms + MINUTE_MS))
    said = typed("collector", "recompute", "--since", since, "--until", until, "--config", str(settings))
    assert said.stdout.endswith("and 1 point of alerts are due with the collector\n")
    desk.tick()
    assert desk.points() == written == [("firing", 0)]


@pytest.mark.parametrize("where", ["render", "write"])
def test_what_nobody_foresaw_is_tried_again_after_a_while_and_not_at_every_step(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    desk.reading(90.0)
    errors = 0

    def breaks(_: Any) -> Any:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, where, breaks)
        for _ in range(20):
            desk.now_ms += 500
            try:
                desk.tick()
            except ZeroDivisionError:
                errors += 1
    assert errors == 2
    desk.wait(10_000, 500)
    assert desk.points() == [("firing", 0)]


def test_a_point_that_the_database_refuses_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As one of a time that the database no longer keeps."""
    write = desk.store.write

    def refuses(rows: Any) -> Answer:
        return Refused("points beyond retention policy") if any("firing" in str(row) for row in rows) else write(rows)

    desk.reading(90.0)
    desk.now_ms += 1_000
    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "write", refuses)
        desk.alerting.points.aside = beside = Beside()
        desk.tick()
        desk.store_rows([desk.now_ms], [10.0])
        desk.tick()
        while beside.waiting:
            beside.do()
            desk.tick()
    assert [state for state, _ in desk.points()] == ["resolved"]
    assert "points beyond retention policy" in caplog.text


def test_while_a_persons_command_holds_the_desks_file_alerts_are_told_and_deeds_follow(
    desk: Desk, closes: Closes
) -> None:
    """Each look of the rules waited ten seconds for it, and so did the readings that came."""
    heard = threading.Event()
    writers = Writers(1, heard.set)
    desk.alerting.trail.aside = writers.aside
    desk.tick()
    held = closes(sqlite3.connect(desk.folder / "c1-desk.db", isolation_level=None))
    held.execute("BEGIN IMMEDIATE")
    desk.alerting.ask("silence", {"match": "node=lp-2", "end_ms": desk.now_ms + MINUTE_MS, "who": "wang"}, desk.now_ms)
    desk.reading(90.0)
    desk.tick()
    assert len(desk.told) == 1
    assert not heard.is_set(), "it is at the file still"
    held.execute("ROLLBACK")
    assert heard.wait(10)
    desk.tick()
    assert [line.who for line in desk.trail.trail(9)] == ["wang"]
    assert desk.alerting._book.untrailed() == []
    writers.stop()
