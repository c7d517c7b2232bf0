"""Two collectors of one name push each other off the broker: both tell a person why their connection never lasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.collector import Collector
from collector.config import Config
from collector.stores.sqlite import Sqlite
from tests.closes import Closes
from tests.collector.test_unforeseen import Inbox

NOW_MS = 1_790_000_062_000


def alarm(folder: Path, closes: Closes, reconnects: int, every_ms: int) -> str:
    """What a collector says after so many new connections."""
    inbox: Any = Inbox()
    inbox.connection = None
    settings = Config.model_validate({"name": "c7", "store": {"kind": "sqlite"}, "state_file": folder / "state.db"})
    collector = closes(Collector(settings, store=closes(Sqlite(folder / "r.db")), link=inbox, now_ms=lambda: NOW_MS))
    for number in range(reconnects):
        for inbox.connection in (None, number, number):
            collector.step(NOW_MS + number * every_ms)
    return collector.ingest.alarms.get("flapping", "")


def test_a_connection_that_never_lasts_names_the_twin(tmp_path: Path, closes: Closes) -> None:
    assert "is another collector on it called c7? Cure: give each" in alarm(tmp_path, closes, 5, 3_000)


def test_a_broker_that_restarts_now_and_then_is_no_twin(tmp_path: Path, closes: Closes) -> None:
    assert alarm(tmp_path, closes, 4, 3_000) == ""


def test_a_bad_line_is_no_twin(tmp_path: Path, closes: Closes) -> None:
    assert alarm(tmp_path, closes, 12, 30_000) == ""
