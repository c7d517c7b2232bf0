"""Costs that must not double unseen: CPU of this process, held against a loop of plain Python run around it.

The reference is what a change found here cost when it was good (docs/performance.md); a busy machine slows both alike.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import quality, small, stages
from benchmarks.cli import _parts
from benchmarks.figure import loop_us
from lamppost import _build

BUILD = 1.0 if sys.base_prefix == "/usr" else 0.7
"""Debian's Python is built with optimizations: it takes half as long for the loop, and a third less for the rest."""
HOT_PATH = 0.20 * BUILD
FLAGS = {"ordinary": 0.00032, "absent values": 0.00062, "faults": 0.0017, "traffic": 0.0017}
DOUBLE = 2.0
TRIES = 3


def least(measure: Callable[[], float]) -> float:
    """The best of some tries, each in units of the loop at that moment."""
    found = []
    for _ in range(TRIES):
        before = loop_us()
        us = measure()
        found.append(us / min(before, loop_us()))
    return min(found)


def test_the_hot_path_of_the_collector(tmp_path: Path) -> None:
    folders = iter(tmp_path / f"{number}" for number in range(TRIES))

    def measure() -> float:
        folder = next(folders)
        folder.mkdir()
        return stages.us_per_point(folder, 25, 4, 60)

    assert least(measure) < DOUBLE * HOT_PATH


@pytest.mark.parametrize("sort", FLAGS)
def test_the_flags_of_a_value(sort: str) -> None:
    block = quality.blocks()[sort]
    assert least(lambda: quality.us_per_value(block)) < DOUBLE * BUILD * FLAGS[sort]


def test_bytes_on_the_wire_stay_below_their_budget() -> None:
    for figure in small.wire():
        assert figure.value <= 2.0, figure


def test_the_bench_prints_one_json_line_a_figure() -> None:
    ran = CliRunner().invoke(_build("bench"), ["bench", "--only", "flags", "--json"])
    assert ran.exit_code == 0, ran.output
    said = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    assert len(said) == len(quality.blocks())
    assert all(list(each) == ["name", "value", "unit", "ratio_to", "ratio"] for each in said)


def test_an_unknown_part_is_named_with_those_there_are() -> None:
    ran = CliRunner().invoke(_build("bench"), ["bench", "--only", "speed"])
    assert ran.exit_code == 2
    assert "no part 'speed'" in ran.output
    assert "hot-path" in ran.output
    assert "stores" in _parts(5_000, 1, 5)
