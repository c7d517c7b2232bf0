"""A database that hangs, or trickles: who holds up everybody by asking it waits for seconds only."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator

import pytest

from collector.delivery import ledger
from collector.delivery.known import Known
from collector.delivery.registry import Registry
from collector.stations.technician import TechnicianDesk
from collector.stores import care
from collector.stores.influx1 import Influx1
from collector.stores.influx2 import Influx2
from collector.stores.store import SOON_S, Later, Select, Series, Store, Stored, StoreDown
from device_profiles.catalogue import load
from tests.closes import Closes
from tests.trickle import Trickle
from wire import status

NODE, SPOOL = "lp-0042", "a" * 32
MAKES = [lambda url: Influx1(url, "d"), lambda url: Influx2(url, "d", "o", "t")]


@pytest.fixture
def url() -> Iterator[str]:
    """The address of one that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("columns", [("seq",), tuple(f"a_long_name_{n:04d}" for n in range(200))], ids=["get", "post"])
def test_a_question_waits_for_as_long_as_its_asker_can(
    url: str, make: Callable[[str], Store], columns: tuple[str, ...], closes: Closes
) -> None:
    store, began_s = closes(make(url)), time.monotonic()
    with pytest.raises(StoreDown, match="does not answer"):
        store.select(Select("batch", columns, within_s=0.1))
    assert time.monotonic() - began_s < SOON_S


@pytest.mark.parametrize("make", MAKES, ids=["influx1", "influx2"])
@pytest.mark.parametrize(
    "begins", [b"HTTP/1.1 204 No Content\r\nX-Long: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["head", "body"]
)
def test_an_answer_that_trickles_ends_as_one_that_never_comes(
    make: Callable[[str], Store], begins: bytes, closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("influx1", "influx2"):
        monkeypatch.setattr(f"collector.stores.{module}.ANSWER_S", 0.3)
    with Trickle(begins) as server:
        store, began_s = closes(make(server.url)), time.monotonic()
        assert store.write([b"m v=1 1"]) == Later("InfluxDB does not answer: timed out")
        with pytest.raises(StoreDown, match="does not answer: timed out"):
            store.select(Select("m", ("v",), within_s=0.3))
        assert time.monotonic() - began_s < SOON_S


@pytest.mark.parametrize("make", MAKES, ids=["influx1", "influx2"])
def test_a_write_may_take_longer_than_a_connection(
    make: Callable[[str], Store], closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow line, or a database that is busy: urllib3 gives what is sent the time to connect, each time anew."""
    for module in ("collector.pools", "collector.stores.influx2"):
        monkeypatch.setattr(f"{module}.CONNECT_S", 0.1)
    with Trickle(b"HTTP/1.1 204 No Content\r\n\r\n", takes_after_s=0.3) as server:
        assert closes(make(server.url)).write([b"x" * 8_000_000]) == Stored()


class Asked(Store):
    """Notes what it is asked, and knows nothing."""

    def __init__(self) -> None:
        self.questions: list[Select] = []

    def select(self, question: Select) -> list[Series]:
        self.questions.append(question)
        return []


def test_questions_of_the_ingest_wait_for_seconds_only(closes: Closes) -> None:
    store = Asked()  # type: ignore[abstract]
    ledger.highest(store, NODE, SPOOL)
    ledger.highest_of(store, [SPOOL])
    ledger.digest_of(store, NODE, SPOOL, 1)
    care.ask_whether_it_answers(store)
    state = closes(sqlite3.connect(":memory:", isolation_level=None))
    registry = Registry(state)
    birth = status.Birth(NODE, "s", "0" * 16, (SPOOL,), 1, None, "1", "synced", (status.Sensor("a", "agd-315@1"),))
    registry.update(birth, 1_000)
    TechnicianDesk(store, registry, state, load()).answer(
        NODE, "stored", json.dumps({"tx": "t", "from_ms": 0}).encode(), 1_000
    )
    assert [question.within_s for question in store.questions] == [SOON_S] * len(store.questions)
    assert len(store.questions) >= 5


class Hanging(Asked):
    """Answers nothing."""

    def select(self, question: Select) -> list[Series]:
        self.questions.append(question)
        raise StoreDown("read timed out")


def test_a_long_question_is_asked_of_a_database_that_answers_a_short_one() -> None:
    store = Hanging()  # type: ignore[abstract]
    said: list[str] = []
    Known(store, said.append).look_up()
    assert ([question.within_s for question in store.questions], said) == ([SOON_S], ["read timed out"])
