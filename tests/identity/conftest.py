"""One city for the tests of this folder that do it no harm, and an enrolment office for each that asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.identity.authority import Authority, utc_now
from collector.identity.book import Book
from collector.identity.enrolment import Enrolment
from collector.web.desk.file import DeskFile
from tests.closes import Closes
from tests.identity.city import City


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    made = City(tmp_path_factory.mktemp("city"))
    made.start()
    yield made
    made.close()


class Gate:
    def __init__(self) -> None:
        self.inside: set[str] = set()

    def admit(self, node: str) -> None:
        self.inside.add(node)

    def admit_collector(self, name: str) -> None:
        self.inside.add(name)

    def expel(self, node: str) -> None:
        self.inside.discard(node)


@pytest.fixture
def office(tmp_path: Path, closes: Closes) -> Enrolment:
    book = Book(closes(DeskFile(tmp_path / "desk.db")))
    made = Authority.new("test", utc_now())
    return Enrolment(lambda: made, book, Gate(), ("AAAA",), "127.0.0.1", 8883, lambda _: None)
