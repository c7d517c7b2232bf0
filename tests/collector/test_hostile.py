"""What one enrolled device may not do to the others: cost memory, time or a life out of proportion to what it sends."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from collector.delivery.audit import audit, between, joined
from collector.delivery.clocks import look
from collector.delivery.gaps import gaps
from collector.delivery.ingest import Ingest
from collector.delivery.registry import Registry
from collector.delivery.work import content
from collector.files.statedb import open_state
from collector.stores.sqlite import Sqlite
from collector.stores.store import Answer, Later, Table
from collector.timers import passed
from tests.closes import Closes
from tests.ingest import ingest_on
from tests.stored import put
from wire import batch, check
from wire.ack import Code
from wire.batch import Block
from wire.status import Birth
from wire.times import HOUR_MS

NOW = 1_790_000_062_000
SPOOLS = {"lp-1": "a" * 32, "lp-2": "b" * 32}


class Away(Sqlite):
    """A database that can be away."""

    is_away = False

    def write(self, rows: Any) -> Answer:
        return Later("away") if self.is_away else super().write(rows)


@pytest.fixture
def store(tmp_path: Path, closes: Closes) -> Away:
    made = closes(Away(tmp_path / "readings.db"))
    made.prepare()
    return made


@pytest.fixture
def ingest(tmp_path: Path, store: Away, closes: Closes) -> Ingest:
    state: sqlite3.Connection = closes(open_state(tmp_path / "state.db"))
    registry = Registry(state)
    for node, spool in SPOOLS.items():
        registry.update(Birth(node, "here", "0" * 16, (spool, SPOOLS["lp-2"]), 1, None, "1", "synced"), NOW)
    return ingest_on(store, registry, state)


def sealed(node: str, seq: int, values: list[Any], spool: str | None = None) -> bytes:
    times = [NOW - 1000 * (len(values) - row) for row in range(len(values))]
    block = Block("air-1", "air_quality", times, {"pm25_raw_ugm3": values})
    spool = spool or SPOOLS[node]
    return batch.encode(node=node, site="here", spool=spool, seq=seq, boot="b" * 8, clock="synced", blocks=[block])


def answers(ingest: Ingest) -> list[tuple[str, int, int]]:
    return [(node, v.seq, v.code) for node, ack in ingest.acks(NOW) for v in ack.verdicts]


def raw(t0: int, dt: list[int], **more: Any) -> dict[str, Any]:
    fields = {"pm25_raw_ugm3": [1] * len(dt)}
    return {"sensor": "air-1", "kind": "air_quality", "t0": t0, "dt": dt, "fields": fields, **more}


# Times


@pytest.mark.parametrize(("t0", "dt"), [(10**400, [0]), (-(10**400), [0]), (NOW, [0, 10**400]), (2**63, [0])])
def test_a_time_beyond_all_times_is_refused_and_breaks_nothing(t0: int, dt: list[int]) -> None:
    blocks = [raw(t0, dt)]
    checked = check.check(blocks, NOW)
    assert [refusal.reason for refusal in checked.refusals] == ["t0 or dt is beyond any time"]
    assert look(blocks, checked, NOW) is None


@pytest.mark.parametrize("t0", [2**53 + 1, 2**60, 2**63 - 1])
def test_rows_of_a_far_future_are_refused_one_by_one(t0: int) -> None:
    blocks = [raw(t0, [0, 1000, 1000])]
    checked = check.check(blocks, NOW)
    assert [(refusal.row, refusal.reason) for refusal in checked.refusals] == [
        (n, "clock: in the future") for n in range(3)
    ]
    look(blocks, checked, NOW)


def test_an_offset_that_no_clock_can_have_says_nothing_of_a_clock() -> None:
    fields = {"clock_offset_s": [1.7e308]}
    blocks = [{"sensor": "node", "kind": "node_health", "t0": NOW - 1000, "dt": [0], "fields": fields}]
    checked = check.check(blocks, NOW)
    assert not checked.refusals
    assert look(blocks, checked, NOW) is None


def test_thousands_of_rows_of_the_future_are_looked_at_once() -> None:
    blocks = [raw(NOW + HOUR_MS, [0, *[1] * 4_999])]
    checked = check.check(blocks, NOW)
    assert len(checked.refusals) == 5_000
    seen = look(blocks, checked, NOW)
    assert seen is not None
    assert seen.offset_ms == HOUR_MS + 4_999


# Memory


def test_what_nobody_knows_is_not_kept_once_for_every_refused_row() -> None:
    blocks = [raw(NOW + HOUR_MS, [0, *[1] * 99], unknown="x" * 60_000)]
    refusals = check.check(blocks, NOW).refusals
    assert sum(len(content(blocks, refusal)) for refusal in refusals) < 100 * 300


def test_refused_rows_count_as_waiting(ingest: Ingest, store: Away) -> None:
    store.is_away = True
    ingest.take("lp-1", sealed("lp-1", 1, [1, *["x"] * 99]), NOW)
    assert ingest.pending_rows() == 100
    store.is_away = False
    ingest.write(NOW)
    ingest.write(NOW + 60_000)
    assert ingest.pending_rows() == 0
    assert answers(ingest) == [("lp-1", 1, Code.STORED_IN_PART)]


# Names


def test_a_cloned_card_is_seen_while_its_twin_waits(ingest: Ingest, store: Away) -> None:
    store.is_away = True
    ingest.take("lp-1", sealed("lp-1", 1, [1]), NOW)
    for replay in (False, True):
        ingest.take("lp-1", sealed("lp-1", 1, [2]), NOW, replay)
    assert ingest.counts["held_equivocation"] == 2
    assert "clone:lp-1" in ingest.alarms
    store.is_away = False
    ingest.write(NOW)
    ingest.write(NOW + 60_000)
    assert answers(ingest) == [("lp-1", 1, Code.STORED)]


def test_who_names_the_spool_of_another_takes_nothing_from_it(ingest: Ingest) -> None:
    for node in ("lp-1", "lp-2"):
        ingest.take(node, sealed(node, 7, [1 if node == "lp-1" else 2], SPOOLS["lp-2"]), NOW)
        ingest.write(NOW)
    assert answers(ingest) == [("lp-1", 7, Code.STORED), ("lp-2", 7, Code.STORED)]
    assert not [name for name in ingest.alarms if name.startswith("clone")]


# Claims


def test_an_absurd_claim_costs_audit_and_gaps_no_more_than_a_sound_one(ingest: Ingest, store: Away) -> None:
    ingest.take("lp-1", sealed("lp-1", 2**50, [1]), NOW)
    ingest.write(NOW)
    tags = (("node", "lp-1"), ("reason", "overflow"), ("sensor", "air-1"), ("site", "here"), ("spool", SPOOLS["lp-1"]))
    claims: dict[str, list[Any]] = {
        "from_ms": [0], "to_ms": [9 * 10**17], "lost_count": [10**12], "from_seq": [21], "to_seq": [2**50 - 1]
    }  # fmt: skip
    put(store, Table("gap", tags, [NOW], claims, frozenset(claims)))
    began_s = time.thread_time()
    (finding,) = audit(store, "lp-1")
    found = gaps(store, NOW - 24 * HOUR_MS, NOW, {}, {}, "lp-1")
    assert time.thread_time() - began_s < 5  # and not days
    assert finding.sequences_missing == [(SPOOLS["lp-1"], seq) for seq in range(1, 21)]
    assert finding.batches_missing == 20
    assert finding.sequences_replaced == 2**50 - 21
    assert found


def test_spans_are_joined_and_what_lies_between_them_is_missing() -> None:
    assert joined([(5, 7), (1, 2), (3, 3), (6, 9), (20, 19)]) == [(1, 3), (5, 9)]
    assert list(between([(2, 3), (5, 9)], 12)) == [1, 4, 10, 11, 12]
    assert list(between([], 3)) == [1, 2, 3]
    assert list(between([(1, 9)], 3)) == []


# Clocks


def test_who_waited_by_a_clock_that_was_wrong_waits_no_longer(ingest: Ingest, store: Away) -> None:
    assert [passed(now, 1_000, 500) for now in (999, 1_000, 1_499, 1_500)] == [True, False, False, True]
    store.is_away = True
    ahead_ms = NOW + 8 * HOUR_MS  # a machine that boots with local time for UTC
    ingest.take("lp-1", sealed("lp-1", 1, [1]), ahead_ms)
    ingest.write(ahead_ms)
    store.is_away = False
    ingest.write(NOW)
    assert answers(ingest) == [("lp-1", 1, Code.STORED)]
