"""Files that Grafana loads at its start: one data source, one provider, a dashboard a board. Pure: paths and texts.

Identifiers are fixed, so that dashboards find their data source without a question (grafana#49248), and there are no
`__inputs`, which only the import page of Grafana understands. Secrets stay in files that Grafana reads itself.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

from collector.config import Influx1Store, Influx2Store
from collector.grafana.boards import BOARDS, Board
from collector.grafana.panel import UID, Panel, Version

_HEIGHT: Final = 9
_LINE: Final = {"lineWidth": 1, "showPoints": "never", "spanNulls": False}


def files(version: Version, store: Influx1Store | Influx2Store | None, installed_at: str) -> dict[str, str]:
    """File name to content. `installed_at` is where the dashboards will lie on Grafana's machine."""
    found = {
        "datasources/lamppost.yaml": _yaml({"apiVersion": 1, "datasources": [_source(version, store)]}),
        "dashboards/lamppost.yaml": _yaml({"apiVersion": 1, "providers": [_provider(installed_at)]}),
    }
    for board in BOARDS:
        found[f"dashboards/lamppost/{board.slug}.json"] = json.dumps(
            dashboard(board, version), ensure_ascii=False, indent=1
        )
    return found


def _yaml(document: Any) -> str:
    import yaml

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


def _provider(installed_at: str) -> dict[str, Any]:
    return {
        "name": "lamppost",
        "folder": "Lamppost",
        "type": "file",
        "disableDeletion": False,
        "options": {"path": installed_at},
    }


def _source(version: Version, store: Influx1Store | Influx2Store | None) -> dict[str, Any]:
    """The data source; what the collector's settings do not tell is left at the usual address."""
    url = store.url if store is not None else "http://127.0.0.1:8086"
    common = {"name": "Lamppost", "uid": UID[version], "type": "influxdb", "access": "proxy", "isDefault": True}
    if version == "v1":
        database = store.database if isinstance(store, Influx1Store) else "lamppost"
        source: dict[str, Any] = {**common, "url": url, "jsonData": {"dbName": database, "httpMode": "GET"}}
        if isinstance(store, Influx1Store) and store.username:
            source |= {"user": store.username, "secureJsonData": {"password": f"$__file{{{store.password_file}}}"}}
        return source
    bucket = store.bucket if isinstance(store, Influx2Store) else "lamppost"
    token = store.token_file if isinstance(store, Influx2Store) else "/etc/lamppost/influx.token"
    if version == "v2":  # InfluxQL through the bucket's mapping; the token goes as a header
        data = {"dbName": bucket, "httpMode": "GET", "httpHeaderName1": "Authorization"}
        secret = {"httpHeaderValue1": f"Token $__file{{{token}}}"}
        return {**common, "url": url, "jsonData": data, "secureJsonData": secret}
    data = {"version": "SQL", "dbName": bucket, "insecureGrpc": urlsplit(url).scheme == "http"}  # type: ignore[dict-item]
    return {**common, "url": url, "jsonData": data, "secureJsonData": {"token": f"$__file{{{token}}}"}}


def dashboard(board: Board, version: Version) -> dict[str, Any]:
    """A dashboard as Grafana keeps it."""
    panels, x, y = [], 0, 0
    for number, panel in enumerate(board.panels, start=1):
        if x + panel.width > 24:
            x, y = 0, y + _HEIGHT
        panels.append(_panel(panel, version, number, {"h": _HEIGHT, "w": panel.width, "x": x, "y": y}))
        x += panel.width
    return {
        "uid": f"lamppost-{board.slug}",
        "title": f"{board.zh} / {board.en}",
        "tags": ["lamppost"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "1m",
        "time": {"from": "now-24h" if board.slug in ("station", "fleet") else "now-7d", "to": "now"},
        "templating": {"list": [_stations(board.variable, version)] if board.variable else []},
        "links": [{"type": "dashboards", "tags": ["lamppost"], "title": "Lamppost", "asDropdown": True}],
        "panels": panels,
    }


def _panel(panel: Panel, version: Version, number: int, place: dict[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    colours = ("yellow", "orange", "red", "purple", "dark-red")
    steps += [{"color": colour, "value": limit} for colour, limit in zip(colours, panel.limits, strict=False)]
    defaults: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.shape == "timeseries":
        dashed = {"thresholdsStyle": {"mode": "dashed" if panel.limits else "off"}}
        defaults["custom"] = _LINE | dashed
    return {
        "id": number,
        "title": f"{panel.zh} / {panel.en}",
        "type": panel.shape,
        "gridPos": place,
        "datasource": {"type": "influxdb", "uid": UID[version]},
        "targets": [panel.query(version)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}} if panel.shape == "timeseries" else {},
    }


def stations_query(measurement: str, version: Version) -> str:
    """The question behind the choice of stations."""
    if version == "v3":
        return f"SELECT DISTINCT node FROM \"{measurement}\" WHERE time > now() - INTERVAL '7 days' ORDER BY node"
    return f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "node"'


def _stations(measurement: str, version: Version) -> dict[str, Any]:
    text = stations_query(measurement, version)
    asked: Any = {"rawSql": text, "refId": "stations", "format": "table"} if version == "v3" else text
    return {
        "name": "node",
        "label": "站点 / Station",
        "type": "query",
        "datasource": {"type": "influxdb", "uid": UID[version]},
        "query": asked,
        "definition": text,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"text": ["All"], "value": ["$__all"]},
    }
