"""An ingest as a collector with no settings has it, on a test's own store and state."""

from __future__ import annotations

import sqlite3

from collector.config import Config, SqliteStore
from collector.delivery.ingest import Ingest
from collector.delivery.registry import Registry
from collector.numbers.calibration import Calibrations
from collector.pipeline import make_ingest
from collector.stores.store import Store


def ingest_on(store: Store, registry: Registry, state: sqlite3.Connection) -> Ingest:
    """What it writes goes to `store`; its quarantine, series and calibrations are in `state`."""
    config = Config(store=SqliteStore(kind="sqlite"))
    return make_ingest(config, store, registry, state, Calibrations(state))
