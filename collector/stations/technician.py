"""What technicians ask the collector: is my reading in the database, and here is what I installed.

    node  -> response/stored        {"tx", "from_ms"}     request/stored       -> newest stored row of each sensor
    node  -> response/installation  {"tx", "record"}      request/installation -> kept, under what number

The answer comes out of the database by a question of its own, not from memory: "stored" means read back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from collector.delivery.registry import Registry
from collector.files.statedb import transaction
from collector.stores.store import SOON_S, Select, Store, StoreDown
from collector.tame import tame
from device_profiles.catalogue import Catalogue, UnknownProfile
from wire import strictjson
from wire.times import DAY_MS

SCHEMA = """
CREATE TABLE IF NOT EXISTS installation (id INTEGER PRIMARY KEY, node TEXT, at_ms INTEGER, body TEXT);
"""
BURST, EVERY_MS = 5, 1000
"""A node's tools may ask so often at once, and then once in so long: a question costs the database a query."""
RECORD_BYTES_MAX = 32 * 1024
RECORDS_MAX = 50  # of one node: it writes them itself, and may be anybody's
SPAN_MS_MAX = DAY_MS
COLUMNS = (
    "pm25_raw_ugm3", "pm10_raw_ugm3", "pm100_raw_ugm3", "co2_ppm", "no2_raw_ppb", "o3_raw_ppb", "co_raw_ppm",
    "hcho_ppb", "temp_c", "rh_pct", "noise_db", "wind_speed_ms", "count", "speed_tms_kmh", "lat_deg", "lon_deg", "qc",
)  # fmt: skip
_MEASUREMENTS = {"detection": ("traffic_flow",), "position": ("position", "node_health")}
_ANY = ("air_quality", "weather", "traffic_flow", "position")
"""Of a model of the station's own, which nobody knows here."""


class TechnicianDesk:
    """Answers nodes that speak first. Written and read by the ingest thread only.

    `away` says why the database is not to be asked now, if so: one that hangs would hold up everybody.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        state: sqlite3.Connection,
        catalogue: Catalogue,
        away: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._away = away
        self._store, self._registry, self._state, self._catalogue = store, registry, state, catalogue
        self._allowed: dict[str, tuple[float, int]] = {}
        state.executescript(SCHEMA)

    def answer(self, node: str, question: str, payload: bytes, now_ms: int) -> bytes | None:
        """The answer's JSON; None for what is malformed, or asked too often."""
        if len(payload) > RECORD_BYTES_MAX or not self._may_ask(node, now_ms):
            return None
        try:
            asked = strictjson.loads(payload)
        except strictjson.NotStrict:
            return None
        transaction = asked.get("tx")
        if not isinstance(transaction, str) or not 1 <= len(transaction) <= 64:
            return None
        try:
            result = self._stored(node, asked, now_ms) if question == "stored" else self._keep(node, asked, now_ms)
        except (ValueError, StoreDown) as error:
            result = {"ok": False, "error": str(error)}
        return strictjson.dumps({"v": 1, "node": node, "tx": transaction, **result})

    def _may_ask(self, node: str, now_ms: int) -> bool:
        left, at_ms = self._allowed.get(node, (float(BURST), now_ms))
        left = min(BURST, left + max(0, now_ms - at_ms) / EVERY_MS)  # a clock set back takes nothing away
        self._allowed[node] = (left - 1 if left >= 1 else left, now_ms)
        return left >= 1

    def _stored(self, node: str, asked: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """The newest row of each sensor since `from_ms`, as the database gives it back."""
        from_ms = asked.get("from_ms")
        if type(from_ms) is not int:
            raise ValueError("from_ms is whole milliseconds")
        known = self._registry.get(node)
        if known is None:
            raise ValueError(f"{node} has not said who it is yet")
        if (why := self._away()) is not None:
            raise StoreDown(why)
        since_ms = min(max(from_ms, now_ms - SPAN_MS_MAX), now_ms)
        wanted = {
            (measurement, sensor.name)
            for sensor in known.birth.sensors
            for measurement in self._measurements(sensor.profile)
        }
        found = []
        for measurement in sorted({one for one, _ in wanted}):  # one query each, however many sensors a node claims
            of, by = {"node": node}, ("sensor",)
            question = Select(measurement, COLUMNS, since_ms, where=of, group_by=by, latest=True, within_s=SOON_S)
            for series in self._store.select(question):
                name = series.tags["sensor"]
                if (measurement, name) in wanted:
                    found += [self._row(name, measurement, row) for row in series.rows[-1:]]
        return {"ok": True, "sensors": found}

    def _measurements(self, profile: str) -> tuple[str, ...]:
        try:
            kind = self._catalogue.get(profile).kind
        except (UnknownProfile, ValueError):
            return _ANY
        return _MEASUREMENTS.get(kind, (kind,))

    @staticmethod
    def _row(sensor: str, measurement: str, row: list[Any]) -> dict[str, Any]:
        values = {
            name: value for name, value in zip(COLUMNS, row[1:], strict=False) if value is not None and name != "qc"
        }
        return {"sensor": sensor, "measurement": measurement, "time_ms": row[0], "values": values}

    def _keep(self, node: str, asked: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """Keep an installation record; of one node so many, the newest."""
        record = asked.get("record")
        if not isinstance(record, dict):
            raise ValueError("record is an object")
        try:
            body = strictjson.dumps(record).decode()
        except TypeError as error:  # a number of thousands of digits
            raise ValueError("record holds a number that is none") from error
        with transaction(self._state):
            (number,) = self._state.execute(
                "INSERT INTO installation (node, at_ms, body) VALUES (?, ?, ?) RETURNING id", (node, now_ms, body)
            ).fetchone()
            self._state.execute(
                "DELETE FROM installation WHERE node = ? AND id NOT IN"
                " (SELECT id FROM installation WHERE node = ? ORDER BY id DESC LIMIT ?)",
                (node, node, RECORDS_MAX),
            )
        return {"ok": True, "number": number}


def installations(db: sqlite3.Connection, node: str) -> list[tuple[int, dict[str, Any]]]:
    """A node's installation records, the newest first, each with when it came (UTC milliseconds)."""
    db.executescript(SCHEMA)
    rows = db.execute("SELECT at_ms, body FROM installation WHERE node = ? ORDER BY id DESC", (node,)).fetchall()
    return [(at_ms, tame(json.loads(body))) for at_ms, body in rows]
