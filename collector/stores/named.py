"""The store that the settings name; what a database's client needs is imported only for that one."""

from __future__ import annotations

from collector.config import Config, Influx1Store, Influx2Store, SqliteStore
from collector.stores.store import Store
from common.settings import secret


def make_store(config: Config) -> Store:
    """The store that the settings name."""
    wants = config.store
    if isinstance(wants, SqliteStore):
        from collector.stores.sqlite import Sqlite

        return Sqlite(wants.path)
    if isinstance(wants, Influx1Store):
        from collector.stores.influx1 import Influx1

        return Influx1(wants.url, wants.database, wants.username, secret(wants.password_file))
    assert isinstance(wants, Influx2Store)
    from collector.stores.influx2 import Influx2

    return Influx2(wants.url, wants.bucket, wants.org, secret(wants.token_file) or "")
