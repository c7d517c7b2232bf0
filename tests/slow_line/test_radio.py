"""The line that stands in for a radio link carries what it says, and no more."""

from __future__ import annotations

import random

import pytest

from tests.slow_line.radio import Way


def test_packets_pass_one_after_the_other_at_the_line_s_rate() -> None:
    way = Way(bytes_s=100.0, delay_s=0.5, lost_share=0.0)
    assert [way.take(50, 0.0), way.take(50, 0.0), way.take(50, 10.0)] == [1.0, 1.5, 11.0]
    assert way.carried_bytes == 150


def test_what_finds_the_modem_full_is_dropped() -> None:
    way = Way(bytes_s=100.0, delay_s=0.0, lost_share=0.0, queue_bytes=120)
    assert [way.take(100, 0.0) for _ in range(4)] == [1.0, 2.0, None, None]
    assert way.take(100, 1.0) == 3.0
    assert way.dropped == 2


def test_of_a_lossy_line_its_share_is_lost() -> None:
    way = Way(1e9, 0.0, lost_share=0.1, rng=random.Random(5))
    assert sum(way.take(10, float(n)) is None for n in range(10_000)) == pytest.approx(1000, abs=100)
