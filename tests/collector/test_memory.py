"""What a collector keeps of what passes through it."""

from __future__ import annotations

import gc
import sqlite3
import sys

from collector.numbers.calibration import Calibrations
from collector.numbers.derive import Derivation, ledger
from collector.numbers.quality import Quality
from collector.numbers.reporting import reports_as_china
from collector.stores.line_protocol import lines
from tests.closes import Closes
from wire.batch import Block, Envelope

T0 = 1_790_000_000_000
SPOOLS = 5_000


def test_spools_that_come_and_go_leave_nothing_behind(closes: Closes) -> None:
    """A node that is set up anew has a new spool; of a fleet's 30,000 something was kept: 40 MB."""
    calibrations = Calibrations(closes(sqlite3.connect(":memory:")))
    derivation = Derivation(Quality({}), calibrations, reports_as_china)

    def batches(numbers: range) -> None:
        for number in numbers:
            envelope = Envelope("lp-1", "s", f"{number:032x}", 1, "b71d04c2", "synced", [])
            block = Block("air-1", "air_quality", [T0, T0 + 1000], {"pm25_raw_ugm3": [12, 13]})
            for table in (*derivation.tables(envelope, [block]), ledger(envelope, "0" * 16, 2, 0, T0)):
                lines(table)

    def kept(numbers: range) -> int:
        gc.collect()
        before = sys.getallocatedblocks()
        batches(numbers)
        gc.collect()
        return sys.getallocatedblocks() - before

    batches(range(100))
    tries = [kept(range(100 + at * SPOOLS, 100 + (at + 1) * SPOOLS)) for at in range(3)]
    assert min(tries) < SPOOLS, f"less than one object each, whatever else this process does: {tries}"
