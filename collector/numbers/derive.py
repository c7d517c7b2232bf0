"""From checked blocks to tables: tags, derived quantities, clock quality and flags. Pure.

Agents send what the sensor said; the collector derives the corrected value with the calibration in force at the
reading's time and stores both side by side, with `cal_id`. What fails a test or is doubted is flagged (`qc` 4 or 3,
`qc_code` names field and test; quality.py) and kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from collector.numbers import flags
from collector.numbers.calibration import Calibrations
from collector.numbers.quality import Quality, worst
from collector.numbers.reporting import ReportingOf
from collector.stores.store import Table, Tags
from wire.batch import CLOCKS, Block, Envelope, Span
from wire.quantities import QUANTITIES, agent_fields, kind_of

_FLAGS: Final = frozenset({"cq", "qc"})
_SPOOL_TAGGED: Final = frozenset({"sensor_ledger", "gap"})
LEDGER: Final = "batch_ledger"
_BEYOND: Final = 2**63
"""Of a raw value so large, which is kept and flagged, nothing is derived: in a mean of a database it were infinite."""


class Derivation:
    """Everything that is made of an agent's batch, with one set of thresholds, calibrations and stations."""

    def __init__(self, quality: Quality, calibrations: Calibrations, reporting: ReportingOf) -> None:
        self._quality, self._calibrations, self._reporting = quality, calibrations, reporting

    def tables(self, envelope: Envelope, blocks: list[Block]) -> list[Table]:
        """One table a block, in order."""
        cq = CLOCKS[envelope.clock]
        return [self._table(envelope, block, cq) for block in blocks]

    def _table(self, envelope: Envelope, block: Block, cq: int) -> Table:
        count = len(block.times_ms)
        columns: dict[str, list[Any]] = dict(block.fields)
        derived = self._calibrations.derive(
            envelope.node, block.sensor, block.times_ms, block.fields, self._reporting(envelope.node)
        )
        if block.fields.keys() != block.spans.keys():  # nearly never
            derived = {name: _within(column) for name, column in derived.items()}
        columns.update(derived)
        whole = _whole(block.kind, tuple(columns), tuple(derived))
        columns["cq"] = [cq] * count
        codes = self._quality.codes(block)
        columns["qc"] = worst(codes, count)
        if codes is not None:
            columns[flags.COLUMN] = codes
        return Table(block.kind, _tags(envelope, block), block.times_ms, columns, whole, 0, _spans(block, derived))


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


def _spans(block: Block, derived: dict[str, list[Any]]) -> dict[str, Span]:
    """What is known of a raw column holds for the corrected one while no calibration alters it."""
    spans = dict(block.spans)
    for name, column in derived.items():
        quantity = QUANTITIES.get(name)
        raw = None if quantity is None else quantity.raw
        if raw is not None and raw in spans and block.fields[raw] is column:
            spans[name] = spans[raw]
    return spans


def _within(column: list[Any]) -> list[Any]:
    return [None if isinstance(value, int | float) and abs(value) >= _BEYOND else value for value in column]


@lru_cache(4096)
def _whole(kind: str, names: tuple[str, ...], derived: tuple[str, ...]) -> frozenset[str]:
    """Those of a block's columns that hold whole numbers; every batch of a sensor has the same."""
    fields = agent_fields(kind)
    assert fields is not None
    return _FLAGS.union(name for name in names if fields.get(name) or (name in derived and name.endswith("_n")))


def _tags(envelope: Envelope, block: Block) -> Tags:
    tags = {"site": envelope.site, "node": envelope.node, **block.tags}
    known = kind_of(block.kind)
    assert known is not None, "the check lets no other pass"
    if known.sensor:
        tags["sensor"] = block.sensor
    if known.name in _SPOOL_TAGGED:
        tags["spool"] = envelope.spool
    return tuple(sorted(tags.items()))
