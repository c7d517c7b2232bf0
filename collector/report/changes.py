"""What was done at the stations in the span of a report: what people wrote down, and calibrations that began."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Final

from collector.numbers.calibration import Calibrations, Record
from collector.report.summary import Done
from collector.statedb import open_state
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from wire.quantities import QUANTITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.config import Config

CHANGES_MOST: Final = 1000


def changes(settings: Config, nodes: Sequence[str], since_ms: int, until_ms: int) -> dict[str, list[Done]]:
    """By station, the oldest first. Of a collector that has no files yet there are none.

    Raises OSError and sqlite3.Error for files that are not to be read.
    """
    found: dict[str, list[Done]] = defaultdict(list)
    if settings.desk_file.exists():
        with closing(DeskFile(settings.desk_file)) as file:
            reports = Reports(file)
            for each in chain.from_iterable(reports.changes(node, CHANGES_MOST) for node in nodes):
                found[each.node].append(Done(each.at_ms, each.kind, each.zh, each.en))
    if settings.state_file.exists():
        with closing(open_state(settings.state_file)) as state:
            for record in Calibrations(state).all():
                found[record.node].append(Done(record.from_ms, "recalibrated", *_said(record)))
    return {node: sorted(each for each in some if since_ms <= each.time_ms < until_ms) for node, some in found.items()}


def _said(record: Record) -> tuple[str, str]:
    zh = en = str(record.formula)
    if record.formula == "linear":
        offset = f"{'+' if record.offset >= 0 else '−'} {abs(record.offset):g}"
        zh, en = (f"{record.slope:g} × {raw} {offset}" for raw in ("原始值", "raw"))
    quantity, name = QUANTITIES[record.quantity], record.name
    return f"{record.sensor} {quantity.zh}：{zh}（{name}）", f"{record.sensor} {quantity.en}: {en} ({name})"
