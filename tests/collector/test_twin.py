"""Two collectors of one name on a broker: both tell a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.broker.inbox import Arrived
from collector.collector import Collector
from collector.config import Config
from collector.standby.standby import LISTEN_S
from collector.stores.sqlite import Sqlite
from tests.closes import Closes
from tests.collector.test_unforeseen import Inbox
from wire import collector_status, names
from wire.collector_status import CollectorStatus, State

NOW_MS = 1_790_000_062_000
TOPIC = names.collector_status("c7")


def alarm(folder: Path, closes: Closes, *heard: Arrived) -> str:
    """What a collector that works says when it has heard this, and its own words, on its own topic."""
    inbox: Any = Inbox()
    settings = Config.model_validate({"name": "c7", "store": {"kind": "sqlite"}, "state_file": folder / "state.db"})
    collector = closes(Collector(settings, store=closes(Sqlite(folder / "r.db")), link=inbox, now_ms=lambda: NOW_MS))
    collector.step(NOW_MS)
    collector.turn.decide(collector._seconds() + 2 * LISTEN_S, NOW_MS)
    collector.turn.tell(collector._seconds() + 2 * LISTEN_S, NOW_MS)
    echoes = [Arrived(topic, payload, False) for topic, payload in inbox.said if topic == TOPIC]
    assert len(echoes) == 2
    inbox.arrived = [*echoes, *heard]
    collector.step(NOW_MS)
    return collector.ingest.alarms.get("flapping", "")


def other(state: State, retained: bool = False) -> Arrived:
    return Arrived(TOPIC, collector_status.encode(CollectorStatus(state, NOW_MS - 5, NOW_MS - 1)), retained)


def test_a_twin_is_heard_by_its_words(tmp_path: Path, closes: Closes) -> None:
    said = alarm(tmp_path, closes, other(State.ACTIVE))
    assert said.startswith("another collector on this broker is called c7 as well. Cure: give each")


def test_what_it_said_in_another_life_and_its_own_will_are_no_twin(tmp_path: Path, closes: Closes) -> None:
    assert alarm(tmp_path, closes, other(State.ACTIVE, retained=True), other(State.OFFLINE)) == ""
