"""What reads texts of others by a pattern takes as much longer as they are longer: not the square of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from common import strict_yaml
from common.yaml_splice import without
from edge_agent.doctor.support_bundle import without_secrets

SHORT, LONG = 4_000, 16_000


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
def test_a_text_of_four_times_the_length_takes_four_times_the_time(
    reads: Callable[[str], object], text_of: Callable[[int], str]
) -> None:
    short_s, long_s = _cpu_s(reads, text_of(SHORT), text_of(LONG))
    assert long_s < 9 * short_s + 0.005  # its square would be 16


def _cpu_s(reads: Callable[[str], object], *texts: str) -> list[float]:
    """The least of three for each text, in turn: whatever else the machine does is none of it."""
    took_s: list[list[float]] = [[] for _ in texts]
    for _ in range(3):
        for text, times in zip(texts, took_s, strict=True):
            began_s = time.thread_time()
            reads(text)
            times.append(time.thread_time() - began_s)
    return [min(times) for times in took_s]
