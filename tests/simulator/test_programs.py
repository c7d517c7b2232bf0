"""What programs of a run are given."""

from __future__ import annotations

from pathlib import Path

from simulator.programs import PORTS


def test_no_connection_is_given_a_port_that_was_chosen_for_a_server() -> None:
    """A busy machine's connections came first now and then, and the server ended: the rig waited for it in vain."""
    lowest, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert lowest >= PORTS.stop
