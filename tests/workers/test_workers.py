"""One receiver and its workers, on real servers: nothing lost, doubled or told twice, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from collector.workers.messages import worker_of
from tests.alerts.feeder import SENSOR, SITE, Feeder
from tests.alerts.kills import _report, told_by, told_of, wanted_of
from tests.alerts.receiver import Receiver
from tests.alerts.street import street
from tests.rig import Program, Rig
from tests.servers import wait_for
from tests.typed import typed
from wire import batch, names

pytestmark = pytest.mark.real

NODES = 8


def workers_of(program: Program) -> list[int]:
    """The process ids of its workers, once all are there."""
    wait_for("both workers", lambda: len(program.workers()) == 2, 20)
    return program.workers()


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def readings(feeder: Feeder) -> int:
    return sum(node.seq for node in feeder.nodes.values())


def settle(feeder: Feeder, receiver: Receiver) -> None:
    """Every reading acknowledged, every episode over and told."""
    feeder.calm = True
    wait_for("every episode over", lambda: not any(node.high for node in feeder.nodes.values()), 60)
    feeder.mute = True
    wait_for("every batch acknowledged", lambda: feeder.idle, 60)
    feeder.stop()
    wait_for("every episode told", lambda: wanted_of(feeder) <= told_of(feeder, receiver).keys(), 60)


def assert_whole(rig: Rig, feeder: Feeder, receiver: Receiver) -> None:
    """Every reading is in the database once, and every episode was told, and no other."""
    assert rig.count("air_quality") == readings(feeder)
    receiver.took = list({message["key"]: message for message in receiver.took}.values())  # kill -9 may send one again
    said = _report(feeder, receiver)
    assert (said["missed"], said["unknown"]) == (0, 0), said
    assert (said["twice_under_other_keys"], said["out_of_order"]) == (0, 0), said
    assert {worker_of(node, 2) for node in feeder.nodes} == {0, 1}  # both had work


def test_whoever_is_killed_nothing_is_lost_or_doubled_and_every_episode_is_told(
    tmp_path: Path, receiver: Receiver
) -> None:
    with street(tmp_path, receiver, "c1") as (broker, rig, (collector,)):
        collector.with_workers(2).start()
        feeder = Feeder(broker.port, NODES, (1.0, 4.0), (1.0, 4.0), seed=3)
        try:
            for turn in range(4):
                enough = len(told_by(receiver)) + NODES // 2
                wait_for("some episodes", lambda enough=enough: len(told_by(receiver)) >= enough, 60)  # type: ignore[misc]
                os.kill(workers_of(collector)[turn % 2], signal.SIGKILL)
            for _ in range(2):
                enough = len(told_by(receiver)) + NODES // 2
                wait_for("more episodes", lambda enough=enough: len(told_by(receiver)) >= enough, 60)  # type: ignore[misc]
                workers = workers_of(collector)
                collector.kill()
                wait_for("its workers to end with it", lambda all_=workers: all(map(is_gone, all_)), 5)  # type: ignore[misc]
                collector.start()
            settle(feeder, receiver)
        finally:
            feeder.stop()
        assert_whole(rig, feeder, receiver)
        assert "worker 0 ended" in collector.log.read_text()
        assert "Traceback" not in collector.log.read_text()


def test_the_number_of_workers_changes_and_what_fires_fires_on(tmp_path: Path, receiver: Receiver) -> None:
    with street(tmp_path, receiver, "c1") as (broker, rig, (collector,)):
        collector.with_workers(1).start()
        feeder = Feeder(broker.port, NODES, (0.5, 1.0), (1000.0, 1000.0), seed=4)  # high until all are calm
        try:
            wait_for("all to be high", lambda: feeder.episodes == NODES, 60)
            firing = {(name, state) for name, state in wanted_of(feeder) if state == "firing"}
            wait_for("all to fire", lambda: firing <= told_of(feeder, receiver).keys(), 60)
            before = told_by(receiver)
            for workers, end in ((2, collector.stop), (1, collector.kill), (2, collector.stop)):
                end()
                collector.with_workers(workers).start()
                rows = rig.count("air_quality") + 2 * NODES
                wait_for("more readings", lambda rows=rows: rig.count("air_quality") >= rows, 60)  # type: ignore[misc]
            assert told_by(receiver) == before
            settle(feeder, receiver)
        finally:
            feeder.stop()
        assert_whole(rig, feeder, receiver)
        assert all(told_of(feeder, receiver)[name].total() == 1 for name in wanted_of(feeder))


def test_commands_see_what_any_worker_has_kept(tmp_path: Path, receiver: Receiver) -> None:
    with street(tmp_path, receiver, "c1") as (broker, rig, (collector,)):
        collector.with_workers(2).start()
        feeder = Feeder(broker.port, NODES, (1000.0, 1000.0), (1.0, 1.0), seed=6)
        try:
            wait_for("readings of all", lambda: rig.count("air_quality") >= 2 * NODES, 60)
            unknown = [batch.Block(SENSOR, "nonsense", [1_795_000_000_000], {"x": [1]}, {}, "plantower-pms5003@1")]
            for node in feeder.nodes.values():
                names_ = {"node": node.name, "site": SITE, "spool": node.spool, "boot": "0" * 8}
                body = batch.encode(**names_, seq=900_000, clock="synced", blocks=unknown)
                feeder._client.publish(names.data(node.name), body, 1)
            wait_for("all to be kept", lambda: len(quarantined(collector)) == NODES, 30)
            assert {entry["node"] for entry in quarantined(collector)} == set(feeder.nodes)
        finally:
            feeder.stop()


def quarantined(collector: Program) -> list[dict[str, Any]]:
    """Whole batches, as the command lists them."""
    said = typed("quarantine", "list", "--config", str(collector.settings), "--json")
    assert said.returncode == 0, said.stderr
    return [entry for entry in json.loads(said.stdout) if entry["kind"] == "whole"]


def test_a_service_that_is_stopped_ends_all_of_it_in_order(tmp_path: Path, receiver: Receiver) -> None:
    """As systemd does it: SIGTERM to every process at once. What was taken is written and answered."""
    with street(tmp_path, receiver, "c1") as (broker, rig, (collector,)):
        collector.with_workers(2).start()
        feeder = Feeder(broker.port, NODES, (1.0, 4.0), (1.0, 4.0), seed=5)
        try:
            wait_for("some readings", lambda: rig.count("air_quality") >= 4 * NODES, 60)
            workers = workers_of(collector)
            for pid in workers:
                os.kill(pid, signal.SIGTERM)
            assert collector.stop() == 0
            assert all(map(is_gone, workers))
            log = collector.log.read_text()
            assert "Traceback" not in log
            assert "ended (" not in log  # no worker died before it was told to end
            collector.start()
            settle(feeder, receiver)
        finally:
            feeder.stop()
        assert_whole(rig, feeder, receiver)
