"""A new version stays when it does as well as the one before; else that one comes back by itself."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from edge_agent.device.update import WELL_S, update
from edge_agent.doctor import machine_checks
from edge_agent.doctor.result import State, Station
from tests.field.expect import Terminal
from wire.exits import Failure


class Board:
    """Packages that install or fail, an agent that is ready or not with each; or runs all the same."""

    def __init__(
        self, folder: Path, ready: dict[str, bool], broken: str = "", running: dict[str, bool] | None = None
    ) -> None:
        self.installed, self.ready, self.broken = "old", ready, broken
        self.running = running or ready
        self.said: list[str] = []
        self.slept_s = 0.0
        self.folder = folder / "packages"
        self.debs = {name: folder / f"{name}.deb" for name in ("old", "new")}
        for name, deb in self.debs.items():
            deb.write_text(name)

    def run(self, command: list[str]) -> int:
        if command[0] != "apt-get":
            asked = self.running if command[0] == "systemctl" else self.ready
            return 0 if asked[self.installed] else 1
        name = Path(command[-1]).read_text()
        if name != self.broken:
            self.installed = name
        return int(name == self.broken)

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def update(self, before: Path | None) -> bool:
        return update(self.debs["new"], before, self.said.append, self.run, self.sleep, self.folder)


def test_a_version_that_does_as_well_stays_and_is_what_to_go_back_to_next_time(tmp_path: Path) -> None:
    board = Board(tmp_path, {"old": True, "new": True})
    assert board.update(board.debs["old"])
    assert board.installed == "new"
    assert (board.folder / "current.deb").read_text() == "new"
    assert (board.folder / "previous.deb").read_text() == "old"
    assert board.update(None)  # from now on the copy is there


def test_a_version_that_is_never_ready_goes_and_the_one_before_comes_back(tmp_path: Path) -> None:
    board = Board(tmp_path, {"old": True, "new": False})
    assert not board.update(board.debs["old"])
    assert board.installed == "old"
    assert board.slept_s == WELL_S
    assert "going back" in "\n".join(board.said)
    assert (board.folder / "current.deb").read_text() == "old"


def test_a_package_that_does_not_install_is_put_back_at_once(tmp_path: Path) -> None:
    board = Board(tmp_path, {"old": True, "new": True}, broken="new")
    assert not board.update(board.debs["old"])
    assert (board.installed, board.slept_s) == ("old", 0.0)


def test_an_agent_that_was_not_ready_before_is_not_held_against_the_new_version(tmp_path: Path) -> None:
    board = Board(tmp_path, {"old": False, "new": False})
    assert board.update(board.debs["old"])
    assert board.installed == "new"


def test_a_station_with_a_sensor_away_is_not_left_with_a_version_that_does_not_run(tmp_path: Path) -> None:
    """It was not ready before, and so whatever was installed stayed."""
    no, runs, falls = {"old": False, "new": False}, {"old": True, "new": True}, {"old": True, "new": False}
    board = Board(tmp_path, no, running=falls)
    assert not board.update(board.debs["old"])
    assert board.installed == "old"
    assert "the agent was running before, and is not within 120 s: going back" in board.said
    board = Board(tmp_path, no, running=runs)
    assert board.update(board.debs["old"])
    assert board.installed == "new"


def test_an_update_that_the_disk_has_no_room_for_leaves_it_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half copies of two packages filled it, and the agent beside them could keep no reading more."""

    def full(source: Path, copy: Path) -> None:
        copy.write_text(source.read_text()[:2])
        if source == board.debs["new"]:
            raise OSError(errno.ENOSPC, "No space left on device")

    board = Board(tmp_path, {"old": True, "new": True})
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        board.update(board.debs["old"])
    assert list(board.folder.iterdir()) == []
    assert board.installed == "old"


def test_an_update_that_the_power_cut_off_is_named_with_the_way_back(tmp_path: Path) -> None:
    """A version that does not run began again for ever, and nothing told that nobody had judged it."""
    settings = tmp_path / "etc/lamppost/agent.yaml"
    station = Station(settings, tmp_path)
    board = Board(tmp_path, {"old": True, "new": False})
    board.folder = tmp_path / "var/lib/lamppost/packages"
    assert not board.update(board.debs["old"])
    assert machine_checks.version(station).state is State.OK
    (board.folder / "back.deb").touch()
    told = machine_checks.version(station)
    assert told.state is State.WARN
    assert told.cure.endswith("apt install --allow-downgrades /var/lib/lamppost/packages/back.deb")


def test_without_a_way_back_nothing_is_begun(tmp_path: Path) -> None:
    board = Board(tmp_path, {"old": True, "new": True})
    with pytest.raises(Failure, match="no copy of the installed version"):
        board.update(None)
    assert board.installed == "old"


@pytest.mark.real
def test_the_way_back_is_gone_also_when_the_connection_is_lost(tmp_path: Path) -> None:
    """The terminal is gone with the first word of the new version; apt and the agent are stand-ins."""
    board = Board(tmp_path, {})
    installed, programs = tmp_path / "installed", tmp_path / "bin"
    installed.write_text("old")
    programs.mkdir()
    stand_ins = {
        "apt-get": f'for deb; do :; done; cat "$deb" > {installed}; echo set up',
        "lamppost": f'[ "$(cat {installed})" = old ]',
    }
    for name, script in stand_ins.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    words = ["lamppost", "agent", "update", str(board.debs["new"]), "--before", str(board.debs["old"])]
    program = (
        "import functools, pathlib, sys; import edge_agent.device.update as u; u.WELL_S = 4.0\n"
        f"u.update = functools.partial(u.update, folder=pathlib.Path({str(board.folder)!r}))\n"
        f"sys.argv = {words!r}; import lamppost; lamppost.main()"
    )
    person = Terminal([sys.executable, "-c", program], {"PATH": f"{programs}:{os.environ['PATH']}"})
    person.expect("set up")
    assert installed.read_text() == "new"
    person.hang_up()
    assert installed.read_text() == "old"
    assert (board.folder / "current.deb").read_text() == "old"
