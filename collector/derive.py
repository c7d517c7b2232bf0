"""From checked blocks to tables: tags, derived quantities, clock quality and flags. Pure.

Agents send what the sensor said; the collector derives the corrected value with the calibration in force and stores
both side by side. A value outside what can physically be is flagged (`qc` 4, `qc_code` names field and test) and kept.
"""

from __future__ import annotations

from typing import Any, Final

from collector.stores.store import Table, Tags
from wire.batch import CLOCKS, Block, Envelope
from wire.quantities import DERIVED, QUANTITIES, agent_fields, kind_of

PASS: Final = 1
FAIL: Final = 4
IDENTITY: Final = "identity"
_FLAGS: Final = frozenset({"cq", "qc"})
_SPOOL_TAGGED: Final = frozenset({"sensor_ledger", "gap"})
LEDGER: Final = "batch_ledger"


def tables(envelope: Envelope, blocks: list[Block]) -> list[Table]:
    """One table a block, in order."""
    cq = CLOCKS[envelope.clock]
    return [_table(envelope, block, cq) for block in blocks]


def ledger(envelope: Envelope, digest: str, rows: int, quarantined: int, time_ms: int) -> Table:
    """The row by which anyone can check that this batch arrived whole; its time has a place of its own by sequence."""
    return Table(
        LEDGER,
        (("node", envelope.node), ("spool", envelope.spool)),
        [time_ms],
        {"seq": [envelope.seq], "rows": [rows], "quarantined": [quarantined], "digest": [digest]},
        frozenset({"seq", "rows", "quarantined"}),
        envelope.seq % 1_000_000,
    )


def _table(envelope: Envelope, block: Block, cq: int) -> Table:
    fields = agent_fields(block.kind)
    assert fields is not None
    count = len(block.times_ms)
    columns: dict[str, list[Any]] = dict(block.fields)
    whole = {name for name in columns if fields[name]} | _FLAGS
    for name, column in block.fields.items():
        derived = DERIVED.get(name)
        if derived is not None and derived.unit == QUANTITIES[name].unit:
            columns[derived.name] = column
            columns["cal_id"] = [IDENTITY] * count
    columns["cq"] = [cq] * count
    codes = _out_of_range(block)
    columns["qc"] = [FAIL if code else PASS for code in codes] if codes else [PASS] * count
    if codes:
        columns["qc_code"] = codes
    return Table(block.kind, _tags(envelope, block), block.times_ms, columns, frozenset(whole))


def _tags(envelope: Envelope, block: Block) -> Tags:
    kind = kind_of(block.kind)
    assert kind is not None
    tags = {"site": envelope.site, "node": envelope.node, **block.tags}
    if kind.sensor:
        tags["sensor"] = block.sensor
    if kind.name in _SPOOL_TAGGED:
        tags["spool"] = envelope.spool
    return tuple(sorted(tags.items()))


def _out_of_range(block: Block) -> list[str | None] | None:
    """Per row the fields outside their range as `field:range`, or None when the whole block is within."""
    suspects = []
    for name, column in block.fields.items():
        quantity = QUANTITIES.get(name)
        if quantity is None:
            continue
        values = [value for value in column if value is not None]
        if values and (min(values) < quantity.low or max(values) > quantity.high):
            suspects.append((quantity, column))
    if not suspects:
        return None
    return [
        ",".join(
            f"{q.name}:range"
            for q, column in suspects
            if column[row] is not None and not q.low <= column[row] <= q.high
        )
        or None
        for row in range(len(block.times_ms))
    ]
