"""A short run of every target on seeded mutations; hours of it by `make fuzz`."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import corpus, mutate
from tests.fuzz.targets import TARGETS

SECONDS = 0.7


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_ends_in_a_result_or_in_the_refusal_it_documents(name: str) -> None:
    for data in corpus(name):
        TARGETS[name](data)
    assert mutate(TARGETS[name], name, SECONDS, seed=1) > 10
