"""Forgetting a station: its readings, its quarantine, its births, what citizens wrote about it, its alerts' memory.

What stays is the trail: that somebody was let in, put out and forgotten, and by whom. The station's own disk is its
own: `lamppost agent spool purge` on the device. What the broker keeps of its alerts the collector clears when it works
next.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import urllib3

from collector.config import Config, Influx1Store, Influx2Store, SqliteStore
from collector.files.sqlite_file import connect
from collector.files.statedb import transaction
from collector.rules.series import Series
from collector.stores.influxql import Asker
from collector.stores.line_protocol import key
from collector.stores.store import StoreDown
from common.settings import secret
from wire import names

_CLEAR = "UPDATE retained_alert SET body = '', clear_ms = 0"
_KEPT = frozenset({"audit", "station", "certificate", "token"})


def purge(config: Config, node: str) -> Counter[str]:
    """Forget everything about a node; how many rows of which table went. Raises StoreDown, ValueError for no name."""
    if not names.is_node(node):
        raise ValueError(f"{node!r} is no name of a node")
    gone: Counter[str] = Counter()
    _readings(config, node, gone)
    for path in (config.state_file, config.desk_file):
        if path.exists():
            _tables(path, node, gone)
    return gone


def _readings(config: Config, node: str, gone: Counter[str]) -> None:
    wants = config.store
    if isinstance(wants, SqliteStore):
        if wants.path.exists():
            _embedded(wants.path, node, gone)
    elif isinstance(wants, Influx1Store):
        gone["series"] += _influx1(wants, node)
    else:
        _influx2(wants, node)
        gone["series"] += 1


def _influx1(wants: Influx1Store, node: str) -> int:
    """How many series. Each measurement on its own: where one has a field `node`, InfluxDB refuses to look for the tag
    in all. The index on the disk (tsi1) goes on naming those of which no series is left."""
    word = secret(wants.password_file)
    headers = urllib3.make_headers(basic_auth=f"{wants.username}:{word}") if wants.username else {}
    with closing(Asker(wants.url, wants.database, headers)) as asker:
        answer = asker.ask(f"SHOW MEASUREMENTS WHERE \"node\" = '{node}'")
        measurements = [measurement for one in answer for (measurement,) in one["values"]]
        gone = 0
        for measurement in measurements:
            where = f'FROM "{key(measurement)}" WHERE "node" = \'{node}\''
            gone += sum(len(one["values"]) for one in asker.ask(f"SHOW SERIES {where}"))
            asker.ask(f"DROP SERIES {where}", post=True)
        alerts = _alerts_of(asker, node)
        for fingerprint in alerts:
            asker.ask(f'DROP SERIES FROM "alerts" WHERE "fingerprint" = \'{fingerprint}\'', post=True)
        for name in _duty_of(asker, node, alerts):
            asker.ask(f'DROP SERIES FROM "duty" WHERE "name" = \'{name}\'', post=True)
    return gone


def _alerts_of(asker: Asker, node: str) -> list[str]:
    """Fingerprints of its alerts, whose points hold the node as a field."""
    found = asker.ask(f'SELECT last("state") FROM "alerts" WHERE "node" = \'{node}\' GROUP BY "fingerprint"')
    return [str(one["tags"]["fingerprint"]) for one in found]


def _duty_of(asker: Asker, node: str, alerts: Collection[str]) -> list[str]:
    """What people said about it, and what they have not heard, by its names (collector/rules/handover.py)."""
    found = asker.ask('SELECT "body" FROM "duty" GROUP BY "name"')
    told = [(str(one["tags"]["name"]), [str(body) for _, body in one["values"]]) for one in found]
    return [name for name, bodies in told if _is_about(name, bodies, node, alerts)]


def _is_about(name: str, bodies: Iterable[str], node: str, alerts: Collection[str]) -> bool:
    """Alerts are named; of a silence one of its rows tells whom it was to match, the last one nothing."""
    return name.partition(":")[2] in alerts or any(json.dumps(["node", node]) in body for body in bodies)


def _influx2(wants: Influx2Store, node: str) -> None:
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.rest import ApiException

    token = secret(wants.token_file) or ""
    client = InfluxDBClient(wants.url, token, org=wants.org)
    begin, end = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
    try:
        with closing(Asker(wants.url, wants.bucket, {"Authorization": f"Token {token}"})) as asker:
            alerts = _alerts_of(asker, node)
            others = [f'_measurement="alerts" AND fingerprint="{name}"' for name in alerts]
            others += [f'_measurement="duty" AND name="{name}"' for name in _duty_of(asker, node, alerts)]
        for which in (f'node="{node}"', *others):
            client.delete_api().delete(begin, end, which, wants.bucket, wants.org)
    except (ApiException, urllib3.exceptions.HTTPError) as error:
        raise StoreDown(f"{wants.url}: {error}") from error
    finally:
        client.close()


def _embedded(path: Path, node: str, gone: Counter[str]) -> None:
    with closing(connect(path, "rw", 20)) as db, transaction(db):
        found = [
            (number, measurement)
            for number, measurement in db.execute(
                "SELECT id, measurement FROM series WHERE instr(tags, ?)", (f'["node", "{node}"]',)
            )
        ]
        for number, measurement in found:
            gone[measurement] += db.execute(f'DELETE FROM "p_{measurement}" WHERE series = ?', (number,)).rowcount
            db.execute("DELETE FROM series WHERE id = ?", (number,))
        alerts: list[str] = []
        if _has(db, "p_alerts"):
            alerts = [
                str(dict(json.loads(tags))["fingerprint"])
                for (tags,) in db.execute(
                    "SELECT DISTINCT tags FROM p_alerts JOIN series ON series.id = series WHERE node = ?", (node,)
                )
            ]
            gone["alerts"] += db.execute("DELETE FROM p_alerts WHERE node = ?", (node,)).rowcount
        for number, tags in db.execute("SELECT id, tags FROM series WHERE measurement = 'duty'").fetchall():
            bodies = [str(body) for (body,) in db.execute("SELECT body FROM p_duty WHERE series = ?", (number,))]
            if _is_about(dict(json.loads(tags))["name"], bodies, node, alerts):
                gone["duty"] += db.execute("DELETE FROM p_duty WHERE series = ?", (number,)).rowcount
                db.execute("DELETE FROM series WHERE id = ?", (number,))


def _has(db: sqlite3.Connection, table: str) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def _tables(path: Path, node: str, gone: Counter[str]) -> None:
    """Every table that tells of the node: in a column of its own, or within a text as the node of what that is about.

    Its name alone says nothing: it may be that of others' site, or any word. What was done about its alerts names
    them alone.
    """
    told = [f'"node":"{node}"', f'"node": "{node}"', f'"node","{node}"', f'"node", "{node}"']
    told += [f"node={node}{end}" for end in (",", " ", '"')]
    with closing(connect(path, "rw", 20)) as db, transaction(db):
        if _has(db, "rule_state"):
            _watched_together(db, node)
        if _has(db, "alert_transition"):
            where = " OR ".join("instr(body, ?)" for _ in told)
            of_it = f"SELECT fingerprint FROM alert_transition WHERE {where}"
            gone["deed"] += db.execute(f"DELETE FROM deed WHERE about IN ({of_it})", told).rowcount
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table in _KEPT or table.startswith("sqlite_"):
                continue
            columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
            if "node" in columns:
                rows = db.execute(f'DELETE FROM "{table}" WHERE node = ?', (node,)).rowcount
            elif table == "quarantine_stray":
                rows = db.execute("DELETE FROM quarantine_stray WHERE topic = ?", (node,)).rowcount
            else:
                row = " || ".join(f"coalesce(CAST(\"{column}\" AS TEXT), '') || ','" for column in columns)
                where = " OR ".join(f"instr({row}, ?)" for _ in told)
                forget = f'DELETE FROM "{table}"' if table != "retained_alert" else _CLEAR
                rows = db.execute(f"{forget} WHERE {where}", told).rowcount
            gone[table] += rows


def _watched_together(db: sqlite3.Connection, node: str) -> None:
    """Links, and alerts on what is missing or compared, stand in one row for all stations (Engine.changes)."""
    for (body,) in db.execute("SELECT body FROM rule_state WHERE series = ''").fetchall():
        kept = json.loads(body)
        kept.get("absences", {}).get("links", {}).pop(node, None)
        for room, open_alerts in (("absences", "open"), ("joined", "tracks")):
            if open_alerts in kept.get(room, {}):
                tracks = kept[room][open_alerts]
                kept[room][open_alerts] = [track for track in tracks if Series.read(track[0]).node != node]
        db.execute("UPDATE rule_state SET body = ? WHERE series = ''", (json.dumps(kept),))
