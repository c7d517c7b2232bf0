"""What the ledgers say of batches is what was sent: sequences by node and spool, digests, rows."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from collector.delivery import ledger
from collector.delivery.audit import audit
from tests.closes import Closes
from tests.collector.bench import BATCH, SPOOL, Bench, dump
from wire import batch

OTHER = "f" * 32


def test_sequences_digests_and_rows_are_told_as_they_were_stored(tmp_path: Path, closes: Closes) -> None:
    bench, sent = closes(Bench(tmp_path)), {}
    for spool, seq in ((SPOOL, 7), (SPOOL, 9), (SPOOL, 8), (OTHER, 3)):
        bench.born(spool)
        document = json.loads(json.dumps(BATCH)) | {"spool": spool, "seq": seq}
        for block in document["blocks"]:
            block["t0"] += seq * 10_000
        sent[spool, seq] = dump(document)
        assert bench.send(sent[spool, seq]) == [(seq, 0)]
    store, node = bench.store, "lp-0017"
    assert [ledger.highest(store, node, spool) for spool in (SPOOL, OTHER, "0" * 32)] == [9, 3, 0]
    assert ledger.highest_of(store, [OTHER, "0" * 32]) == {(node, OTHER): 3}
    assert ledger.highest_of_all(store) == {(node, SPOOL): 9, (node, OTHER): 3}
    assert ledger.digest_of(store, node, SPOOL, 8) == batch.digest(sent[SPOOL, 8])
    assert ledger.digest_of(store, node, OTHER, 8) is None
    told = ledger.batches(store)
    assert {name: [(one.seq, one.digest) for one in found] for name, found in told.items()} == {
        (node, spool): [(seq, batch.digest(sent[spool, seq])) for seq in seqs]
        for spool, seqs in ((SPOOL, (7, 8, 9)), (OTHER, (3,)))
    }
    assert {(one.rows, one.quarantined) for found in told.values() for one in found} == {(4, 0)}
    assert ledger.batches(store, "lp-1") == {}


def test_a_batch_that_arrives_during_an_audit_is_not_missing(
    tmp_path: Path, closes: Closes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred stations that sent, one audit in three said that rows were missing."""
    bench, batches = closes(Bench(tmp_path)), ledger.batches
    numbers = iter(range(1, 4))

    def send() -> None:
        document = json.loads(json.dumps(BATCH)) | {"seq": next(numbers)}
        for block in document["blocks"]:
            block["t0"] += document["seq"] * 10_000
        bench.send(dump(document))

    def asked(*of: Any) -> Any:
        with suppress(StopIteration):
            send()
        return batches(*of)

    send()
    monkeypatch.setattr(ledger, "batches", asked)
    assert [(found.batches, found.complete) for found in audit(bench.store)] == [(3, True)]
    bench.store.remove("traffic_flow")
    assert [found.complete for found in audit(bench.store)] == [False]


def test_who_has_no_disk_lacks_nothing_of_what_was_refused_to_it(tmp_path: Path, closes: Closes) -> None:
    """After a minute without the database the canary, and each citizen's sensor, was NOT COMPLETE for ever."""
    bench = closes(Bench(tmp_path))
    for seq in (1, 4):
        document = json.loads(json.dumps(BATCH)) | {"seq": seq}
        for block in document["blocks"]:
            block["t0"] += seq * 10_000
        bench.send(dump(document))

    def of(*without_disk: str) -> list[bool]:
        return [found.complete for found in audit(bench.store, has_no_disk=lambda node: node in without_disk)]

    assert (of(), of("lp-0017")) == ([False], [True])
    bench.store.remove("traffic_flow")
    assert of("lp-0017") == [False], "what it was told to be stored is to be there"
