"""The collector's canary at a broker that asks who one is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, StoreDown
from tests.closes import Closes
from tests.identity.city import City
from tests.servers import wait_for
from wire import names

pytestmark = pytest.mark.real


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = City(tmp_path, alerts={"canary": {"every": "1s"}})
    yield city
    city.close()


def test_it_comes_back(city: City, closes: Closes) -> None:
    """The broker refused its birth, so no collector took its readings: a critical alert for ever, and no heartbeat."""
    city.start()
    store = closes(Sqlite(city.plan.data / "readings.db"))
    question = Select("node_health", ("load_1m",), 0, 2**42, {"node": "canary-c1"})

    def sung() -> bool:
        with suppress(StoreDown):  # the collector makes the file
            return bool(store.select(question))
        return False

    wait_for("its reading in the database", sung)


def test_a_broker_with_rules_of_an_earlier_version_is_named_with_the_cure(city: City) -> None:
    rules = city.broker.folder / "dynamic-security.json"
    rules.write_text(rules.read_text().replace(names.status("canary-c1"), names.status("nobody")))
    city.start()

    def said() -> str:
        told = city.office("collector", "status", "--json").stdout
        return " ".join(each["text"] for each in json.loads(told)["alarms"])

    wait_for("what is wrong", lambda: "does not let it speak (Not authorized)" in said(), 60)
    assert "init --new-broker-rules" in said()
