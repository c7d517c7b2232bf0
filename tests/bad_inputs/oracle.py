"""Which rows of a batch are good: a second reading of the rules, from their words, independent of the product's own.

1 one UTF-8 JSON object with spool and seq, no key twice, no NaN         else nothing of it
3 node as in the topic, boot, clock, site, blocks                         else nothing of it
4 a block: known kind and columns, equal lengths, t0 and dt, own tags     else nothing of the block
5 a row: between 2020 and ten minutes ahead, numbers only, some value     else not the row
"""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any, NamedTuple

from wire.quantities import KINDS, agent_fields

Y2020 = 1_577_836_800_000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_TAGS = {"traffic_flow": {"lane", "direction"}, "gap": {"reason"}}


class Point(NamedTuple):
    """One row as it must stand in the database."""

    kind: str
    site: str
    sensor: str
    tags: tuple[tuple[str, str], ...]
    time_ms: int
    values: tuple[tuple[str, float], ...]


class Reading(NamedTuple):
    """What a batch holds: the points to be stored, and how many rows and blocks are to be refused."""

    points: list[Point]
    refused: int


def read(data: bytes, node: str, now_ms: int) -> Reading:
    """Read the plain bytes of a batch."""
    try:
        batch = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_never, parse_int=_whole)
    except (ValueError, RecursionError):
        return Reading([], 0)
    if not isinstance(batch, dict) or batch.get("node") != node or not isinstance(batch.get("blocks"), list):
        return Reading([], 0)
    good_boot = re.fullmatch(r"[0-9a-f]{8,32}", str(batch.get("boot")))
    if not good_boot or batch.get("clock") not in ("synced", "restored", "estimated") or batch.get("v") != 1:
        return Reading([], 0)
    if not isinstance(batch.get("site"), str) or not _NAME.fullmatch(batch["site"]):
        return Reading([], 0)
    points: list[Point] = []
    refused = 0
    taken: set[Any] = set()
    for block in batch["blocks"]:
        rows = _block(block, batch["site"], now_ms)
        if rows is None:
            refused += 1
            continue
        for row in rows:
            if row is None or row[:5] in taken:
                refused += 1
            else:
                taken.add(row[:5])
                points.append(row)
    return Reading(points, refused)


def _block(block: Any, site: str, now_ms: int) -> list[Point | None] | None:
    if not isinstance(block, dict) or not isinstance(block.get("kind"), str):
        return None
    kind: str = block["kind"]
    sensor, tags, t0, dt = (block.get(key) for key in ("sensor", "tags", "t0", "dt"))
    fields = block.get("fields")
    tags = {} if tags is None and "tags" not in block else tags
    whole = agent_fields(kind) if kind in KINDS else None
    if whole is None or not isinstance(sensor, str) or not _NAME.fullmatch(sensor):
        return None
    if not isinstance(tags, dict) or not tags.keys() <= _TAGS.get(kind, set()):
        return None
    if not all(isinstance(value, str) and _NAME.fullmatch(value) for value in tags.values()):
        return None
    if type(t0) is not int or not isinstance(dt, list) or not dt or any(type(step) is not int for step in dt):
        return None
    if dt[0] != 0 or any(step < 1 for step in dt[1:]) or not isinstance(fields, dict) or not fields:
        return None
    profile = block.get("profile")
    if profile is not None and not (
        isinstance(profile, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}@[0-9]{1,4}", profile)
    ):
        return None
    for name, column in fields.items():
        if name not in whole or not isinstance(column, list) or len(column) != len(dt):
            return None
    rows: list[Point | None] = []
    time_ms = t0
    for at, step in enumerate(dt):
        time_ms += step
        values = {name: column[at] for name, column in fields.items()}
        sound = all(value is None or _number(value, whole[name]) for name, value in values.items())
        some = any(value is not None for value in values.values())
        if not sound or not some or not Y2020 <= time_ms <= now_ms + 600_000:
            rows.append(None)
            continue
        kept = tuple(sorted((name, float(value)) for name, value in values.items() if value is not None))
        rows.append(Point(kind, site, sensor, tuple(sorted(tags.items())), time_ms, kept))
    return rows


def _number(value: Any, whole: bool) -> bool:
    if type(value) not in (int, float) or abs(value) > sys.float_info.max:
        return False
    return not whole or (float(value).is_integer() and abs(value) < 2**63)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _whole(digits: str) -> Any:
    return int(digits) if len(digits) < 4000 else math.inf


def _never(_: str) -> Any:
    raise ValueError("no JSON")
