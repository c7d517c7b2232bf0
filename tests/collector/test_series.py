"""The budget of series of a node, kept in the state file."""

from __future__ import annotations

from pathlib import Path

from collector.delivery.series import SeriesBudget
from collector.files.statedb import open_state
from tests.closes import Closes
from wire.batch import Envelope
from wire.check import Checked

EMPTY = Checked([], [], [], 0)


def envelope(node: str) -> Envelope:
    return Envelope(node, "jianguo", "a" * 32, 1, "b" * 32, "synced", [])


def test_nodes_that_are_new_wait_for_no_commit_of_each_other(tmp_path: Path, closes: Closes) -> None:
    """Each cost one, while nothing was stored: a city of ten thousand took minutes on a slow disk."""
    state = closes(open_state(tmp_path / "state.db"))
    series, said = SeriesBudget(state, most=2), list[str]()
    state.set_trace_callback(said.append)
    for number in range(50):
        series.within(envelope(f"lp-{number}"), EMPTY)
    series.flush()
    assert said.count("COMMIT") == 1
    again = SeriesBudget(state, most=1)
    assert again.within(envelope("lp-49"), EMPTY) == EMPTY
    assert again.is_full("lp-49"), "its spool is known"
