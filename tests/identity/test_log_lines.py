"""A log line is one line, whatever a stranger put into it; a node that invents names uses up its own budget only."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collector.delivery.series import SeriesBudget
from collector.files.statedb import open_state
from collector.standby.flapping import Flapping
from common.loglines import LINE_MAX, OneLine, one_line
from tests.closes import Closes
from wire.batch import Block, Envelope
from wire.check import Checked


@given(st.text(max_size=5000))
def test_every_line_is_one_printable_line_of_bounded_length(text: str) -> None:
    line = one_line(text)
    assert len(line.encode()) <= LINE_MAX
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


def test_forged_lines_and_tracebacks_stay_in_their_line() -> None:
    record = logging.LogRecord("lamppost", 30, "", 1, "%s", ("x\r\n2026 INFO admin logged in \x1b[2J",), None)
    assert OneLine("%(name)s: %(message)s").format(record) == r"lamppost: x\r\n2026 INFO admin logged in \x1b[2J"


def _checked(*lanes: str) -> Checked:
    blocks = [Block("radar-1", "traffic_flow", [1], {"count": [1]}, {"lane": lane}) for lane in lanes]
    return Checked(blocks, [(number, None) for number in range(len(blocks))], [], 0)


def _envelope(node: str, site: str = "s", spool: int = 1) -> Envelope:
    return Envelope(node, site, f"{spool:032x}", 1, "b71d04c2", "synced", [])


def test_a_budget_is_each_nodes_own_and_old_series_go_on(tmp_path: Path, closes: Closes) -> None:
    budget = SeriesBudget(
        closes(open_state(tmp_path / "state.db")), most=4
    )  # one of them is the spool's, in the ledger
    assert len(budget.within(_envelope("lp-1"), _checked("1", "2", "3", "4")).blocks) == 3
    later = budget.within(_envelope("lp-1"), _checked("3", "5"))
    assert [block.tags["lane"] for block in later.blocks] == ["3"]
    assert later.refusals[0].block == 1
    assert len(budget.within(_envelope("lp-2"), _checked("4", "5")).blocks) == 2


def test_sites_and_spools_count_too(tmp_path: Path, closes: Closes) -> None:
    budget = SeriesBudget(closes(open_state(tmp_path / "state.db")), most=10)
    sites = [len(budget.within(_envelope("lp-1", f"site-{number}"), _checked("1")).blocks) for number in range(20)]
    assert sum(sites) == 9
    spools = [len(budget.within(_envelope("lp-2", spool=number), _checked("1")).blocks) for number in range(20)]
    assert sum(spools) == 9


def test_what_is_new_and_not_yet_on_disk_counts_when_another_has_written_to_the_file(
    tmp_path: Path, closes: Closes
) -> None:
    budget = SeriesBudget(closes(open_state(tmp_path / "state.db")), most=10)
    taken = [len(budget.within(_envelope("lp-1", f"site-{number}"), _checked("1")).blocks) for number in range(9)]
    with closing(sqlite3.connect(tmp_path / "state.db")) as other, other:
        other.execute("CREATE TABLE other (x)")
    taken += [len(budget.within(_envelope("lp-1", f"site-{number}"), _checked("1")).blocks) for number in range(9, 20)]
    assert sum(taken) == 9


def test_two_devices_of_one_name_are_told_from_a_restart() -> None:
    flapping = Flapping()
    assert not any(flapping.note("lp-1", f"{number:016x}", number * 1000) for number in range(20)), "a restart each"
    assert any(flapping.note("lp-2", f"{number % 2:016x}", number * 5000) for number in range(10)), "A, B, A, B ..."
    assert not any(flapping.note("lp-3", "a" * 16, number * 60_000) for number in range(10)), "a link that is slow"
