"""What was done at the stations in the span of a report: what people wrote down, and calibrations that began."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from collector.files.sqlite_file import connect
from collector.numbers.calibration import Record, record_of
from collector.report.summary import Done
from collector.web.desk.reports import RETIRED
from wire.quantities import QUANTITIES

if TYPE_CHECKING:
    from pathlib import Path

    from collector.config import Config

WAITS_S: Final = 2.0


def changes(settings: Config, since_ms: int, until_ms: int) -> dict[str, list[Done]]:
    """By station, the oldest first. The collector's files are read only; where there are none yet, there are none.

    Raises OSError and sqlite3.Error for files that are not to be read, ValueError for a calibration of a newer version.
    """
    span, found = (since_ms, until_ms), defaultdict[str, list[Done]](list)
    noted = "SELECT node, at_ms, kind, zh, en FROM change WHERE at_ms >= ? AND at_ms < ?"
    for node, *done in _rows(settings.desk_file, noted, span):
        found[node].append(Done(*done))
    begun = "SELECT id, body FROM calibration WHERE from_ms >= ? AND from_ms < ?"
    for number, body in _rows(settings.state_file, begun, span):
        record = record_of(number, body)
        found[record.node].append(Done(record.from_ms, "recalibrated", *_said(record)))
    return {node: sorted(some) for node, some in found.items()}


def retired(settings: Config) -> set[str]:
    """Stations that were put out or taken down. Raises OSError and sqlite3.Error."""
    return {node for (node,) in _rows(settings.desk_file, RETIRED, ())}


def _rows(path: Path, question: str, given: tuple[int, ...]) -> list[Any]:
    if not path.exists():
        return []
    with closing(connect(path, "ro", WAITS_S)) as db:
        return db.execute(question, given).fetchall()


def _said(record: Record) -> tuple[str, str]:
    zh = en = str(record.formula)
    if record.formula == "linear":
        offset = f"{'+' if record.offset >= 0 else '−'} {abs(record.offset):g}"
        zh, en = (f"{record.slope:g} × {raw} {offset}" for raw in ("原始值", "raw"))
    quantity, name = QUANTITIES[record.quantity], record.name
    return f"{record.sensor} {quantity.zh}：{zh}（{name}）", f"{record.sensor} {quantity.en}: {en} ({name})"
