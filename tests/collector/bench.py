"""An ingest on a real SQLite store, and a batch to send it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.stores.sqlite import Sqlite
from collector.stores.store import Stored
from tests import stored
from tests.ingest import ingest_on
from wire.status import Birth

NOW = 1_790_000_062_000

SPOOL = "00112233445566778899aabbccddeeff"

BATCH: dict[str, Any] = {
    "v": 1,
    "node": "lp-0017",
    "site": "jianguo-rd-east",
    "spool": SPOOL,
    "seq": 42,
    "boot": "b71d04c2",
    "clock": "synced",
    "blocks": [
        {
            "sensor": "air-1",
            "kind": "air_quality",
            "profile": "plantower-pms5003@1",
            "t0": 1_790_000_000_000,
            "dt": [0, 1000, 1002],
            "fields": {"pm25_raw_ugm3": [12, None, 13], "pm10_raw_ugm3": [20, 21, 20]},
        },
        {
            "sensor": "radar-1",
            "kind": "traffic_flow",
            "tags": {"lane": "1", "direction": "in"},
            "t0": 1_790_000_000_000,
            "dt": [0],
            "fields": {"count": [14], "speed_tms_kmh": [43.2], "duration_s": [60]},
        },
    ],
}


class Bench:
    """An ingest on a real SQLite store and quarantine, with node lp-0017 born."""

    def __init__(self, folder: Path) -> None:
        self.state = open_state(folder / "state.db")
        self.store = Sqlite(folder / "readings.db")
        assert self.store.prepare() == Stored()
        self.registry = Registry(self.state)
        self.ingest = ingest_on(self.store, self.registry, self.state)
        self.born()

    def close(self) -> None:
        self.store.close()
        self.state.close()

    def born(self, spool: str = SPOOL, node: str = "lp-0017") -> None:
        birth = Birth(node, "jianguo-rd-east", "0" * 16, (spool,), 1, None, "0.1.0", "synced")
        self.registry.update(birth, NOW)

    def send(self, payload: bytes, now_ms: int = NOW, node: str = "lp-0017") -> list[tuple[int, int]]:
        self.ingest.take(node, payload, now_ms)
        self.ingest.write(now_ms)
        return self.answers(now_ms)

    def answers(self, now_ms: int = NOW) -> list[tuple[int, int]]:
        return [(v.seq, v.code) for _, ack in self.ingest.acks(now_ms) for v in ack.verdicts]

    def rows(self, measurement: str, *columns: str) -> list[list[Any]]:
        return stored.rows(self.store, measurement, *columns)


def changed(pointer: str, value: Any) -> bytes:
    """The batch with one place changed, as `/blocks/0/dt`."""
    document = copy.deepcopy(BATCH)
    place: Any = document
    *path, last = pointer.strip("/").split("/")
    for step in path:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return dump(document)


def dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
