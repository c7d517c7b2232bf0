"""Databases by address: `sqlite:///path`, `influx://host:port/database` (InfluxDB 1), `influx2://host:port/org/bucket`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from collector.stores.store import Store
from wire.exits import Exit, Failure

FORMS = "sqlite:///FILE, influx://HOST:PORT/DATABASE or influx2://HOST:PORT/ORG/BUCKET?token-file=FILE"


def settings_of(address: str) -> dict[str, Any]:
    """The collector's `store` settings for an address. Raises Failure."""
    unknown = Failure(Exit.USAGE, "store-address", f"{address!r} is no database", f"write {FORMS}")
    try:
        parts = urlsplit(address)
        url = f"http://{parts.hostname}:{parts.port or 8086}"
    except ValueError as error:  # a port that is none, half an IPv6 address
        raise unknown from error
    path = [step for step in parts.path.split("/") if step]
    if parts.scheme == "sqlite" and parts.path:
        return {"kind": "sqlite", "path": parts.path if parts.netloc == "" else parts.netloc + parts.path}
    if parts.scheme == "influx" and parts.hostname and len(path) == 1:
        return {"kind": "influx1", "url": url, "database": path[0]}
    token = parse_qs(parts.query).get("token-file", [None])[0]
    if parts.scheme == "influx2" and parts.hostname and len(path) == 2 and token:
        return {"kind": "influx2", "url": url, "org": path[0], "bucket": path[1], "token_file": token}
    raise unknown


def open_store(address: str) -> Store:
    """The store at an address. Raises Failure."""
    wants = settings_of(address)
    if wants["kind"] == "sqlite":
        from collector.stores.sqlite import Sqlite

        return Sqlite(Path(wants["path"]))
    if wants["kind"] == "influx1":
        from collector.stores.influx1 import Influx1

        return Influx1(wants["url"], wants["database"])
    from collector.stores.influx2 import Influx2
    from common.settings import secret

    return Influx2(wants["url"], wants["bucket"], wants["org"], secret(Path(wants["token_file"])) or "")
