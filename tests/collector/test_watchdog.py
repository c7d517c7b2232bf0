"""systemd begins a collector anew whose ingest hangs, and no other: nobody would be told of anything meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector import collector, program
from collector.collector import Collector
from collector.config import Config, SqliteStore
from tests.closes import Closes
from tests.servers import free_port, wait_for
from tests.systemd import Systemd


@pytest.fixture
def systemd(tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    found = closes(Systemd(tmp_path))
    monkeypatch.setenv("NOTIFY_SOCKET", found.address)
    monkeypatch.setattr(program, "LOOK_S", 0.05)
    return found


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """A collector without a broker, as the command runs it."""
    store = SqliteStore(kind="sqlite", path=folder / "readings.db")
    settings = {"broker": {"port": free_port()}, "web": {"port": free_port()}, "state_file": folder / "state.db"}
    ending = threading.Event()
    thread = threading.Thread(target=program.serve, args=(Config.model_validate({"store": store} | settings), ending))
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(30)


def stays_hungry(systemd: Systemd) -> bool:
    """Whether there are ten looks behind one another at which nothing is heard."""
    hungry = 0
    while hungry < 10:
        threading.Event().wait(program.LOOK_S)
        hungry = 0 if systemd.fed() else hungry + 1
    return True


def test_who_waits_for_what_never_comes_is_not_fed_any_more(
    tmp_path: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, step = threading.Event(), Collector.step
    hangs = threading.Event()

    def hang(self: Collector, now_ms: int) -> None:
        step(self, now_ms)
        if hangs.is_set():
            go_on.wait(30)

    monkeypatch.setattr(Collector, "step", hang)
    with served(tmp_path):
        wait_for("the watchdog is fed", systemd.fed)
        hangs.set()
        assert stays_hungry(systemd)
        go_on.set()
        wait_for("and again", systemd.fed)


def test_a_long_round_that_gets_on_is_fed_and_one_that_never_ends_is_not(
    tmp_path: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To catch up with a day takes the rules of a large city minutes: begun anew, they would never be done."""
    over, step = threading.Event(), Collector.step

    def compute(self: Collector, now_ms: int) -> None:
        step(self, now_ms)
        while not over.is_set():
            sum(range(1_000))

    monkeypatch.setattr(Collector, "step", compute)
    with served(tmp_path):
        for _ in range(5):
            wait_for("the watchdog is fed", systemd.fed)
        monkeypatch.setattr(collector, "ROUND_S_MAX", 0.0)
        assert stays_hungry(systemd)
        over.set()
