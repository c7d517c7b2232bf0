"""What reads texts of others by a pattern takes as much longer as they are longer: not the square of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from common import strict_yaml
from common.yaml_splice import without
from edge_agent.doctor.support_bundle import without_secrets

LENGTH = 8_000


def _removed(text: str) -> None:
    without(text, ("a", 1))


def _parsed(text: str) -> None:
    strict_yaml.parse(text)


@pytest.mark.parametrize(
    ("reads", "text_of"),
    [
        (_parsed, lambda n: "a: 0" + "_" * n + "x"),
        (_parsed, lambda n: "a: 1" + "_1" * n + "x"),
        (_removed, lambda n: "a: [1" + " " * n + "#\n, 2]"),
        (without_secrets, lambda n: "key" * n),
        (without_secrets, lambda n: "key:" + " " * n),
        (without_secrets, lambda n: "key: '" * n),
        (without_secrets, lambda n: "a" * n),
        (without_secrets, lambda n: "-----BEGIN A-----\n" * n),
        (without_secrets, lambda n: "-----END A-----\n" + "-----BEGIN A-----\n" * n),
    ],
    ids=[
        "underscores",
        "ones",
        "blanks in a list",
        "keys",
        "no value",
        "no end of a value",
        "no scheme",
        "no end",
        "an end before",
    ],
)
def test_a_text_of_twice_the_length_takes_twice_the_time(
    reads: Callable[[str], object], text_of: Callable[[int], str]
) -> None:
    once_s, twice_s = (_cpu_s(reads, text_of(length)) for length in (LENGTH, 2 * LENGTH))
    assert twice_s < 3 * once_s + 0.005


def _cpu_s(reads: Callable[[str], object], text: str) -> float:
    """The least of three: whatever else the machine does is none of it."""
    took_s = []
    for _ in range(3):
        began_s = time.thread_time()
        reads(text)
        took_s.append(time.thread_time() - began_s)
    return min(took_s)
