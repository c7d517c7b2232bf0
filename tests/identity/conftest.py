"""One city for the tests of this folder that do it no harm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.identity.city import City


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    made = City(tmp_path_factory.mktemp("city"))
    made.start()
    yield made
    made.close()
