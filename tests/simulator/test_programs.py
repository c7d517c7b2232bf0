"""What programs of a run are given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulator.programs import PORTS, SHARES, free_port


def test_no_connection_is_given_a_port_that_was_chosen_for_a_server() -> None:
    """A busy machine's connections came first now and then, and the server ended: the rig waited for it in vain."""
    lowest, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert lowest >= PORTS.stop


def test_no_two_servers_are_given_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port of a server that was down was given to another one, which a program beside this one had started."""
    chosen: list[int] = []
    for pid in range(4000, 4000 + SHARES):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        chosen += [free_port() for _ in range(300)]
    assert len(set(chosen)) == 300 * SHARES
