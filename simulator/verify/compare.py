"""Compares the notes of a run with a database, through the one interface that every store has.

Kind by kind and slice by slice, so that a million rows need little memory. What does not meet in its slice is looked
at again at the end: a row at another time, one that stands twice, one that nobody has sent.
"""

from __future__ import annotations

from collections import defaultdict, deque
from itertools import pairwise
from typing import Any, Final

from collector.delivery import ledger
from collector.stores.store import Select, Store
from simulator.notes import Notes, Sent, SeriesOf
from simulator.verify.rows import Wrong, compare, same_values
from simulator.verify.verdict import Verdict
from wire.times import HOUR_MS
from wire.traffic import CELLS

ROWS_PER_SLICE: Final = 50_000
TAGS: Final = ("site", "node", "sensor", "lane", "direction")
NEAR_MS: Final = HOUR_MS
FAR_MS: Final = 4_102_444_800_000  # the year 2100
SAMPLE: Final = 50
GUESSED: Final = 2

Row = dict[str, Any]
Group = tuple[str, ...]


class Comparison:
    """One comparison; `run` fills the verdict."""

    def __init__(self, notes: Notes, store: Store, verdict: Verdict, alone: bool) -> None:
        self._alone = alone  # nobody else stores there: a row of a stranger is nobody's
        self._notes, self._store, self._verdict = notes, store, verdict
        self._missing: dict[int, list[Sent]] = defaultdict(list)
        self._tolerance_ms: int = notes.meta().get("time_tolerance_ms", 0)
        self._indices: dict[int, _ByValues] = {}
        self._extra: dict[tuple[str, Group], list[tuple[int, Row]]] = defaultdict(list)
        self.measured: set[str] = set()  # every quantity that was said
        self._series = notes.series()
        self._nodes = {series.node for series in self._series.values()}
        self._of_group = {(s.kind, _group(s)): number for number, s in self._series.items()}

    def run(self) -> None:
        """Compare everything."""
        span = self._notes.span()
        if span is None:
            return
        for kind in sorted({series.kind for series in self._series.values()}):
            numbers = [number for number, series in self._series.items() if series.kind == kind]
            columns = self._columns(kind, numbers)
            total = sum(self._notes.count(number) for number in numbers)
            slices = max(1, total // ROWS_PER_SLICE)
            for from_ms, until_ms in pairwise(self._edges(*span, slices)):
                self._slice(kind, numbers, columns, from_ms, until_ms)
        self._meet_again()

    def _edges(self, first_ms: int, last_ms: int, slices: int) -> list[int]:
        """Where slices begin and end: a run whose database is its own must have stored nothing at any other time."""
        from_ms, until_ms = first_ms - NEAR_MS, last_ms + NEAR_MS
        edges = [from_ms + number * (until_ms - from_ms) // slices for number in range(slices + 1)]
        return [0, *edges[1:-1], FAR_MS] if self._alone else edges

    def _columns(self, kind: str, numbers: list[int]) -> tuple[str, ...]:
        """What the first readings hold, and the cells of traffic, of which each interval tells a few."""
        names: dict[str, None] = dict.fromkeys(CELLS if kind == "traffic_flow" else ())
        for number in numbers:
            for seen, sent in enumerate(self._notes.readings(number, -(2**62), 2**62)):
                names.update(dict.fromkeys(sent.values or ()))
                self.measured.update(sent.values or ())
                if seen >= SAMPLE:
                    break
        return (*names, "cq", "qc")

    def _slice(self, kind: str, numbers: list[int], columns: tuple[str, ...], from_ms: int, until_ms: int) -> None:
        stored = self._stored(kind, columns, from_ms, until_ms)
        for number in numbers:
            rows = stored.pop(_group(self._series[number]), {})
            for sent in self._notes.readings(number, from_ms, until_ms):
                self._verdict.sent += 1
                row = rows.get(sent.time_ms)
                if row is None or (sent.cq == GUESSED) != (row.get("cq") == GUESSED) or sent.cq == GUESSED:
                    self._missing[number].append(sent)  # a guessed time is looked for by its values
                    continue
                del rows[sent.time_ms]
                if sent.values is None:
                    continue
                self._judge(number, sent, compare(sent.values, sent.cq, row))
            if rows:
                self._extra[kind, _group(self._series[number])] += rows.items()
        for group, rows in stored.items():
            if self._alone or group[TAGS.index("node")] in self._nodes:
                self._extra[kind, group] += rows.items()
            else:
                self._verdict.stored -= len(rows)

    def _stored(self, kind: str, columns: tuple[str, ...], from_ms: int, until_ms: int) -> dict[Group, dict[int, Row]]:
        found: dict[Group, dict[int, Row]] = {}
        for series in self._store.select(Select(kind, columns, from_ms, until_ms, group_by=TAGS)):
            group = tuple(series.tags.get(tag, "") for tag in TAGS)
            found[group] = {row[0]: dict(zip(columns, row[1:], strict=True)) for row in series.rows}
            self._verdict.stored += len(series.rows)
            if series.tags.get("node") in self._nodes:
                self._verdict.doubled += len(series.rows) - len(found[group])  # within one millisecond
        return found

    def _judge(self, number: int, sent: Sent, wrong: Wrong | None) -> None:
        if wrong is not None:
            self._verdict.wrong[wrong.what] += 1
            self._verdict.note(wrong.what, self._where(number), sent.time_ms, wrong.text)

    # -- what did not meet ----------------------------------------------------------------------------------------

    def _meet_again(self) -> None:
        for (kind, group), rows in self._extra.items():
            number = self._of_group.get((kind, group))
            for time_ms, row in rows:
                self._place(number, f"{kind} {'/'.join(filter(None, group))}", time_ms, row)
        gaps = _Gaps(self._store)
        for number in self._missing:
            series = self._series[number]
            for sent in self._index(number).left():
                cause = sent.cause or ("gap-record" if gaps.covers(series, sent.time_ms) else None)
                if cause is not None:
                    self._verdict.missing[cause] += 1
                else:
                    self._verdict.lost += 1
                    self._verdict.note("lost", self._where(number), sent.time_ms, f"{sent.values}")

    def _place(self, number: int | None, where: str, time_ms: int, row: Row) -> None:
        """A row that stands where nobody has said anything: moved, doubled, or made up."""
        verdict = self._verdict
        if number is None:
            verdict.unsent += 1
            verdict.note("never sent", where, time_ms, f"{row}")
            return
        sent = self._index(number).take(row)
        if sent is not None:
            if sent.cq == row.get("cq") == GUESSED:
                verdict.estimated += 1
            elif abs(time_ms - sent.time_ms) <= self._tolerance_ms:
                self._judge(number, sent, compare(sent.values or {}, sent.cq, row))
            else:
                self._judge(number, sent, Wrong("time", f"stands at {time_ms}, {time_ms - sent.time_ms:+} ms"))
            return
        for sent in self._notes.readings(number, time_ms - NEAR_MS, time_ms + NEAR_MS):
            if sent.values is not None and same_values(sent.values, row):
                if abs(time_ms - sent.time_ms) <= self._tolerance_ms and self._index(number).met(sent):
                    return
                verdict.doubled += 1
                verdict.note("doubled", where, time_ms, f"the reading of {sent.time_ms} again")
                return
        verdict.unsent += 1
        verdict.note("never sent", where, time_ms, f"{row}")

    def _index(self, number: int) -> _ByValues:
        if number not in self._indices:
            self._indices[number] = _ByValues(self._missing[number])
        return self._indices[number]

    def _where(self, number: int) -> str:
        series = self._series[number]
        return f"{series.kind} {'/'.join(filter(None, _group(series)))}"


class _ByValues:
    """Readings that were not met at their time, found by what they say. Those with a cause are not looked for."""

    def __init__(self, readings: list[Sent]) -> None:
        self._found: dict[tuple[str, ...], dict[tuple[float | None, ...], deque[Sent]]] = {}
        self._rest = [sent for sent in readings if sent.values is None or sent.cause is not None]
        for sent in readings:
            if sent.values is not None and sent.cause is None:
                names = tuple(sent.values)
                self._found.setdefault(names, {}).setdefault(_key(names, sent.values), deque()).append(sent)

    def take(self, row: Row) -> Sent | None:
        """The oldest reading that says what the row says; it is met now."""
        for names, by_values in self._found.items():
            waiting = by_values.get(_key(names, row))
            if waiting:
                return waiting.popleft()
        return None

    def met(self, sent: Sent) -> bool:
        """One that may be missing is there all the same; False for any other, and for one that was met before."""
        known = sent in self._rest
        if known:
            self._rest.remove(sent)
        return known

    def left(self) -> list[Sent]:
        """Those that nobody has met, by time."""
        waiting = [sent for found in self._found.values() for queue in found.values() for sent in queue]
        return sorted([*self._rest, *waiting], key=lambda sent: sent.time_ms)


def _key(names: tuple[str, ...], values: Row) -> tuple[float | None, ...]:
    return tuple(None if values.get(name) is None else round(float(values[name]), 6) for name in names)


class _Gaps:
    """Gap records of the database: what the agents say that they have thinned or dropped."""

    def __init__(self, store: Store) -> None:
        self._gaps = ledger.gaps(store)
        self._left = [gap.lost for gap in self._gaps]

    def covers(self, series: SeriesOf, time_ms: int) -> bool:
        """True when a record accounts for a reading of that time; each accounts for no more than it says."""
        for at, gap in enumerate(self._gaps):
            same = gap.node == series.node and gap.sensor in (series.sensor, "node")
            if same and self._left[at] > 0 and gap.from_ms <= time_ms <= gap.to_ms:
                self._left[at] -= 1
                return True
        return False


def _group(series: SeriesOf) -> Group:
    tags = dict(series.tags)
    return (series.site, series.node, series.sensor, tags.get("lane", ""), tags.get("direction", ""))
