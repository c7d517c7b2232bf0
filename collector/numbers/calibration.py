"""Calibration with provenance: which number was made of which raw value, by what, and since when.

A record says for one sensor and quantity how a raw value becomes a corrected one from a time on. Records are numbered
and never changed or deleted; the one in force at a reading's own time is used, whenever the reading arrives. Raw and
corrected value stand side by side in the database, with `cal_id`:

    identity                    nothing was corrected
    pm25_ugm3:c3                by record 3
    pm25_ugm3:c3@cf1            by record 3, whose formula is fitted on the sensor's value with CF=1
    no2_ugm3:25C,o3_ugm3:c4@25C gases in µg/m³ at 25 °C and 1013.25 hPa, ozone then by record 4

Gases come in ppb (CO in ppm) and are converted to the station's declared state before they are corrected.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Final, Literal

from pydantic import ConfigDict, FiniteFloat, TypeAdapter, ValidationError

from collector.files.sqlite_file import Others
from collector.numbers.reporting import Reporting
from measures.corrections import fire_and_smoke, us_wide
from measures.gases import MOLAR_MASS_G_MOL
from wire.quantities import DERIVED, QUANTITIES, STATS

IDENTITY: Final = "identity"
CAL_ID: Final = "cal_id"
HUMIDITY: Final = "case_rh_pct"
Formula = Literal["linear", "us-wide-2021", "fire-and-smoke-2021"]
FORMULAS: Final = {"us-wide-2021": us_wide, "fire-and-smoke-2021": fire_and_smoke}
"""Corrections with humidity (measures.corrections); they need the sensor's own humidity beside the raw value."""
FITTED_ON: Final = {"us-wide-2021": ("pm25_cf1_ugm3", "cf1")}
"""The column that a formula reads in place of the raw one, where the sensor tells it, and how `cal_id` says so."""
DECIMALS: Final = 6

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calibration (id INTEGER PRIMARY KEY, node TEXT, sensor TEXT, quantity TEXT, from_ms INTEGER,
    body TEXT);
CREATE TABLE IF NOT EXISTS calibration_audit (id INTEGER PRIMARY KEY, at_ms INTEGER, body TEXT);
"""


@dataclass(frozen=True, slots=True)
class Record:
    """corrected = slope * raw + offset (raw in the corrected unit), or a named formula; in force from `from_ms`."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    node: str
    sensor: str
    quantity: str
    from_ms: int
    made_ms: int
    who: str
    formula: Formula = "linear"
    slope: FiniteFloat = 1.0
    offset: FiniteFloat = 0.0
    source: str = ""
    number: int = 0

    @property
    def name(self) -> str:
        """How `cal_id` calls it."""
        return f"c{self.number}"

    def apply(self, values: list[Any], humidity: list[Any] | None) -> list[Any]:
        """The corrected values; None stays None, and without humidity a formula that needs it gives None."""
        if self.formula == "linear":
            return [None if v is None else round(self.slope * v + self.offset, DECIMALS) for v in values]
        if humidity is None:
            return [None] * len(values)
        correct = FORMULAS[self.formula]
        return [
            None if v is None or rh is None or v < 0 or not 0 <= rh <= 100 else round(correct(v, rh) or 0.0, DECIMALS)
            for v, rh in zip(values, humidity, strict=True)
        ]


_RECORD: Final = TypeAdapter(Record)


def record_of(number: int, body: str) -> Record:
    """A record as it is kept. Raises ValueError, TypeError for one that this version cannot correct by."""
    try:
        return _RECORD.validate_json(json.dumps({**json.loads(body), "number": number}))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"c{number}, {first['loc'][-1]}: {first['msg']}") from error


class Calibrations:
    """All records of one collector. Another program may add some; `refresh` sees them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._others = Others(db)
        self._of: dict[tuple[str, str, str], list[Record]] = {}
        self.count = 0
        db.executescript(_SCHEMA)
        self.refresh()

    def refresh(self) -> None:
        """Read the records anew if another connection has written to the file."""
        if self._others.have_written():
            found: dict[tuple[str, str, str], list[Record]] = {}
            every = self.all()
            for record in every:
                found.setdefault((record.node, record.sensor, record.quantity), []).append(record)
            for records in found.values():
                records.sort(key=lambda record: (record.from_ms, record.number))
            self._of, self.count = found, len(every)  # whole: other threads read it

    def of_node(self, node: str, time_ms: int) -> list[Record]:
        """The records in force at a node, one a sensor and quantity. May be called from any thread."""
        found = (self.in_force(*key, time_ms) for key in self._of if key[0] == node)
        return [record for record in found if record is not None]

    def all(self) -> list[Record]:
        """Every record ever made, in the order they were made."""
        if self._db is None:
            return []
        rows = self._db.execute("SELECT id, body FROM calibration ORDER BY id")
        return [record_of(number, body) for number, body in rows]

    def add(self, record: Record) -> Record:
        """Keep a record; returns it with its number."""
        cursor = self._db.execute(
            "INSERT INTO calibration (node, sensor, quantity, from_ms, body) VALUES (?, ?, ?, ?, ?)",
            (record.node, record.sensor, record.quantity, record.from_ms, json.dumps(asdict(record))),
        )
        assert cursor.lastrowid is not None
        self._others.may_have_written()
        self.refresh()
        return replace(record, number=cursor.lastrowid)

    def learn(self, records: Iterable[Record]) -> list[Record]:
        """Keep what another collector has made, under its number; gives those whose number is another's here."""
        known = {record.number: record for record in self.all()}
        new, others = [], []
        for record in records:
            if known.setdefault(record.number, record) is record:
                new.append(record)
            elif known[record.number] != record:
                others.append(record)
        self._db.executemany(
            "INSERT INTO calibration VALUES (?, ?, ?, ?, ?, ?)",
            [(r.number, r.node, r.sensor, r.quantity, r.from_ms, json.dumps(asdict(r))) for r in new],
        )
        self._others.may_have_written()
        self.refresh()
        return others

    def note(self, at_ms: int, what: Mapping[str, Any]) -> None:
        """Write an audit line."""
        body = json.dumps(what, ensure_ascii=False)
        self._db.execute("INSERT INTO calibration_audit (at_ms, body) VALUES (?, ?)", (at_ms, body))

    def audit(self) -> list[tuple[int, dict[str, Any]]]:
        """Every audit line, oldest first."""
        rows = self._db.execute("SELECT at_ms, body FROM calibration_audit ORDER BY id")
        return [(at_ms, json.loads(body)) for at_ms, body in rows]

    def in_force(self, node: str, sensor: str, quantity: str, time_ms: int) -> Record | None:
        """The record for a reading of this time: the latest that had begun, and of those the last made."""
        records = self._of.get((node, sensor, quantity))
        if not records:
            return None
        at = bisect_right(records, time_ms, key=lambda record: record.from_ms)
        return records[at - 1] if at else None

    def derive(
        self, node: str, sensor: str, times_ms: list[int], fields: Mapping[str, list[Any]], reporting: Reporting
    ) -> dict[str, list[Any]]:
        """The corrected columns of raw ones, with `cal_id`; thinned ones (`_mean`, `_min`, `_max`, `_n`) likewise."""
        found: dict[str, list[Any]] = {}
        ids: list[list[str]] = []  # per quantity: its part of cal_id by row, or once for all rows
        for name, column in fields.items():
            raw, stat = _raw_and_stat(name)
            quantity = DERIVED.get(raw)
            if quantity is None:
                continue
            target = quantity.name + stat
            if stat == "_n":
                found[target] = column
                continue
            made, names = self._made(node, sensor, raw, stat, times_ms, fields, reporting)
            found[target] = made
            if stat in ("", "_mean"):
                ids.append(names)
        if found:
            found[CAL_ID] = _cal_ids(ids, len(times_ms))
        return found

    def _made(
        self,
        node: str,
        sensor: str,
        raw: str,
        stat: str,
        times_ms: list[int],
        fields: Mapping[str, list[Any]],
        reporting: Reporting,
    ) -> tuple[list[Any], list[str]]:
        quantity, column = DERIVED[raw].name, fields[raw + stat]
        factor = per_raw(raw, reporting)
        state = "" if factor is None else reporting.gas_state
        values = column if factor is None else [None if v is None else round(v * factor, DECIMALS) for v in column]
        if not self._of.get((node, sensor, quantity)):
            return values, [_part(quantity, None, state)]
        humidity = fields.get(HUMIDITY + ("_mean" if stat else ""))
        first = self.in_force(node, sensor, quantity, times_ms[0])
        if first is self.in_force(node, sensor, quantity, times_ms[-1]):
            if first is None:
                return values, [_part(quantity, None, state)]
            given, basis = _given(first, fields, stat, values, state)
            return first.apply(given, humidity), [_part(quantity, first, basis)]
        made, names = [], []
        for row, time_ms in enumerate(times_ms):
            record = self.in_force(node, sensor, quantity, time_ms)
            given, basis = (values, state) if record is None else _given(record, fields, stat, values, state)
            rh = None if humidity is None else humidity[row : row + 1]
            made += given[row : row + 1] if record is None else record.apply(given[row : row + 1], rh)
            names.append(_part(quantity, record, basis))
        return made, names


def _given(
    record: Record, fields: Mapping[str, list[Any]], stat: str, values: list[Any], state: str
) -> tuple[list[Any], str]:
    """What a record is applied to, and what `cal_id` says of it."""
    if record.formula in FITTED_ON:
        name, basis = FITTED_ON[record.formula]
        if name + stat in fields:
            return fields[name + stat], basis
    return values, state


def per_raw(raw: str, reporting: Reporting) -> float | None:
    """How many units of the corrected quantity one unit of the raw one is; None where the unit is the same."""
    quantity = DERIVED[raw]
    if quantity.unit == QUANTITIES[raw].unit:
        return None
    gas = quantity.name.partition("_")[0].upper()
    return MOLAR_MASS_G_MOL[gas] / reporting.state.litres_per_mol


def derived_name(name: str) -> str | None:
    """The corrected column of a raw one, thinned or not; None where nothing is derived."""
    raw, stat = _raw_and_stat(name)
    quantity = DERIVED.get(raw)
    return None if quantity is None else quantity.name + stat


@cache  # of the names that the wire knows
def _raw_and_stat(name: str) -> tuple[str, str]:
    if name in DERIVED:
        return name, ""
    base, _, stat = name.rpartition("_")
    return (base, "_" + stat) if base in DERIVED and stat in STATS else (name, "")


def _part(quantity: str, record: Record | None, basis: str) -> str:
    if record is None:
        return f"{quantity}:{basis}" if basis else ""
    return f"{quantity}:{record.name}@{basis}" if basis else f"{quantity}:{record.name}"


def _cal_ids(parts: list[list[str]], count: int) -> list[str]:
    if all(len(part) == 1 for part in parts):
        return [",".join(filter(None, (part[0] for part in parts))) or IDENTITY] * count
    by_row = [part * count if len(part) == 1 else part for part in parts]
    return [",".join(filter(None, row)) or IDENTITY for row in zip(*by_row, strict=True)]
