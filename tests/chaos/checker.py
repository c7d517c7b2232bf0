"""What became of every reading: the notes of the agents against the database and the quarantines."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from collector.stores.store import Select, Store
from tests.chaos.noting_agent import REPLACED, read
from tests.chaos.numbers import HIGH, LOW, of_values

_HIGH, _LOW = (re.compile(rf"{name}['\"]?[:=] ?(\d+)") for name in (HIGH, LOW))
_NODE = re.compile(r"node=([a-z0-9-]+)")
_SENSOR = re.compile(r"sensor['\"]?[:=] ?['\"]?([a-z0-9-]+)")

Number = tuple[str, str, int]


class Count(NamedTuple):
    """The sums of one run."""

    accepted: int
    stored: int
    quarantined: int
    gaps: int
    lost: int
    doubled: int


def check(store: Store, notes: dict[str, Path], states: list[Path]) -> tuple[Count, list[Number]]:
    """The sums, and which readings are lost. `gaps` are those that were thinned or dropped and are not stored as well:
    a batch may be stored, its answer lost, and be thinned before it is sent again.
    """
    accepted = {(node, *one) for node, path in notes.items() for one in read(str(path))}
    rows = _stored(store)
    stored = set(rows)
    quarantined = {number for state in states for number in _quarantined(state)}
    replaced = {(node, *one) for node, path in notes.items() for one in read(f"{path}{REPLACED}")}
    lost = accepted - stored - quarantined - replaced
    doubled = len(rows) - len(stored)
    gaps = len(replaced - stored - quarantined)
    return Count(len(accepted), len(stored), len(quarantined), gaps, len(lost), doubled), sorted(lost)


def _stored(store: Store) -> list[Number]:
    found = store.select(Select("air_quality", (HIGH, LOW), group_by=("node", "sensor")))
    return [
        (series.tags["node"], series.tags["sensor"], _number(high, low))
        for series in found
        for _, high, low in series.rows
    ]


def _quarantined(state: Path) -> list[Number]:
    db = sqlite3.connect(state)
    found = []
    for node, content in db.execute("SELECT node, content FROM quarantine_part"):
        high, low, sensor = _HIGH.search(content), _LOW.search(content), _SENSOR.search(content)
        if high and low and sensor:
            found.append((node, sensor[1], _number(high[1], low[1])))
    db.close()
    return found


def _number(high: Any, low: Any) -> int:
    number = of_values({HIGH: int(high), LOW: int(low)})
    assert number is not None
    return number


def tell(seed: int, kills: dict[str, int], count: Count, stuck: int, **more: Any) -> str:
    """The one JSON object of a run."""
    return json.dumps({"seed": seed, "kills": kills, **count._asdict(), "stuck": stuck, **more})
