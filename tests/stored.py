"""Rows as a store takes them, all or the test ends here."""

from __future__ import annotations

from collector.stores.store import Store, Stored, Table


def put(store: Store, *tables: Table) -> None:
    """Write whole tables."""
    for table in tables:
        assert store.write(store.render(table)) == Stored()
