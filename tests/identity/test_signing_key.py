"""Another signing key: how soon a fleet asks for it, and that no station has to be visited."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from collector.init import Plan, begin, new_signing_key
from edge_agent.identity.renewal import ASK_AGAIN_S, SPREAD_S, Doubts
from firmware_stubs.plantower import Pms5003
from firmware_stubs.pty import StubHost
from tests.identity.city import City
from tests.rig import Program
from tests.servers import wait_for
from wire.exits import Failure


def test_a_folder_that_takes_no_key_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("no folder")
    with pytest.raises(Failure, match=r"etc/sign\.key: File exists") as told:
        new_signing_key(tmp_path / "etc" / "sign.key")
    assert "sudo" in told.value.cure


def test_a_beginning_that_was_cut_off_says_how_to_begin_anew(tmp_path: Path) -> None:
    """A full disk: agents were said to trust what was there, and each cure ended in another refusal."""
    new_signing_key(tmp_path / "sign.key")
    with pytest.raises(Failure, match="was a beginning cut off") as told:
        begin(Plan(tmp_path))
    assert "remove sign.key" in told.value.cure


def test_a_fleet_that_doubts_at_once_does_not_ask_at_once() -> None:
    counts = Counter(ack_bad_signature=1)
    doubts = Doubts(counts, chance=lambda: 0.5)
    assert not doubts.due(1_000.0)
    assert not doubts.due(1_000.0 + SPREAD_S / 2 - 1)
    assert doubts.due(1_000.0 + SPREAD_S / 2)


def test_made_up_answers_cost_one_question_an_hour() -> None:
    counts = Counter[str]()
    doubts = Doubts(counts, chance=lambda: 0.0)
    asked = []
    for second in range(10_000):
        counts["ack_bad_signature"] += 1
        if doubts.due(second):
            asked.append(second)
    assert asked == [0, ASK_AGAIN_S, 2 * ASK_AGAIN_S]


def test_who_hears_nothing_that_is_badly_signed_never_asks() -> None:
    counts = Counter(ack_bad_signature=1)
    doubts = Doubts(counts, chance=lambda: 0.0)
    assert doubts.due(0.0)
    assert not doubts.due(0.0 + ASK_AGAIN_S)


@pytest.mark.real
def test_an_agent_believes_the_new_key_without_a_visit(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.start()
    stubs = StubHost(links=tmp_path / "ports")
    port = stubs.add("air-1", Pms5003(lambda _: {"pm25_ugm3": 12}, period_s=0.2))
    agent = Program(
        tmp_path, "agent", "agent",
        {
            "node": "lp-1", "site": "s", "seal_s": 1.0, "identity": str(city.enrol("lp-1")),
            "broker": {"host": "127.0.0.1", "port": city.plan.broker_port, "spread_s": 0.5},
            "spool": {"path": str(tmp_path / "spool.db"), "allow_tmpfs": True},
            "clock": {"trust": "always"}, "status_file": str(tmp_path / "status.json"),
            "sensors": [{"name": "air-1", "profile": "plantower-pms5003", "port": port, "interval_s": 2}],
        },
    )  # fmt: skip
    agent.command = [sys.executable, "-m", "tests.identity.impatient", *agent.command[3:]]

    def confirmed() -> int:
        try:
            said = json.loads((tmp_path / "status.json").read_text())
        except (OSError, ValueError):
            return 0
        return int(said["accepted"] - said["waiting_rows"])

    try:
        stubs.start()
        agent.start()
        wait_for("answers under the old key", lambda: confirmed() > 0, 60)
        made = city.lamppost("collector", "init", str(city.plan.folder), "--new-signing-key")
        assert made.returncode == 0, made.stderr
        city.collector.stop()
        city.collector.start()
        city.wait_for_door()
        before = confirmed()
        wait_for("answers under the new key", lambda: confirmed() > before, 60)
    finally:
        agent.stop()
        stubs.stop()
        city.close()
