"""Rows as a store takes them, all or the test ends here; and as it gives them back."""

from __future__ import annotations

from typing import Any

from collector.stores.store import Select, Store, Stored, Table


def put(store: Store, *tables: Table) -> None:
    """Write whole tables."""
    for table in tables:
        assert store.write(store.render(table)) == Stored()


def rows(store: Store, measurement: str, *columns: str, **where: str | tuple[str, ...]) -> list[list[Any]]:
    """Rows of every series, each [time_ms, *columns]."""
    found = store.select(Select(measurement, columns, where=where))
    return [row for series in found for row in series.rows]
