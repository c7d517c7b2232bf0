"""Hostile inputs in the middle of good traffic: some of every surface here, the whole file in release-check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bad_inputs import oracle
from tests.bad_inputs.__main__ import own
from tests.bad_inputs.run import run_file
from tests.bad_inputs.vocabulary import Words, compact, digest, zstd

EVERY = {"profile_yaml": 1, "serial": 3, "http": 3, "payload": 9, "mqtt": 7, "status": 3, "ack": 8, "config": 9}
ONCE_WRONG = ["V010", "V094", "V095", "V169", "V196", "V207", "V213"]
"""Variants that the product once failed: half a character, endless vitals, a radar's line, made-up set-up links."""
SLOW = {"scenario", "label", "takeover_loop"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return own()


@pytest.mark.real
def test_some_of_every_surface(document: dict[str, Any], tmp_path: Path) -> None:
    chosen = []
    for surface, every in EVERY.items():
        quick = [c for c in document["cases"] if c["surface"] == surface and not SLOW & c["input"].keys()]
        chosen += [case["id"] for case in quick if case["id"][0] == "A"][::every]
    chosen += ONCE_WRONG
    _all_pass(document, tmp_path, set(chosen), scale=0.004)


@pytest.mark.real
@pytest.mark.long
def test_the_whole_file(document: dict[str, Any], tmp_path: Path) -> None:
    _all_pass(document, tmp_path, set(), scale=1)


def test_the_runner_knows_every_word_of_its_file(document: dict[str, Any]) -> None:
    """The words of payload and acknowledgement cases give bytes, the same ones twice."""
    words = Words(document["bases"], 0.001)
    for case in document["cases"]:
        what = case["input"]
        op = what.get("gen", {}).get("op")
        if (
            case["surface"] == "payload"
            and op not in ("many_batches", "replay", "equivocate")
            and "00000000" not in str(what)
        ):
            assert words.data(what) == words.data(what)


def test_the_second_reading_agrees_with_the_base(document: dict[str, Any]) -> None:
    bases = document["bases"]
    reading = oracle.read(compact(bases["batch"]).encode(), bases["users"]["node"], bases["now"])
    assert len(reading.points) == 4
    assert reading.refused == 0


def test_own_bytes() -> None:
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb924"
    assert zstd(b"\0" * 300_000)[:4] == bytes.fromhex("28b52ffd")


def _all_pass(document: dict[str, Any], folder: Path, only: set[str], scale: float) -> None:
    failed = {case["id"]: faults for case, faults, _ in run_file(document, folder, only, set(), scale) if faults}
    assert failed == {}
