"""Care for the database: does it keep what it says it kept? A canary is written, read back and removed."""

from __future__ import annotations

from typing import Final

from collector.stores.store import SOON_S, Select, Store, Stored, Table

MEASUREMENT: Final = "lamppost_canary"


def probe(store: Store, who: str, now_ms: int) -> str | None:
    """None when a written value came back, else what is wrong. Raises StoreDown when it could not be asked or removed.

    A database that acknowledges and keeps nothing (`wal-fsync-delay`, an asynchronous 204, the wrong address behind a
    proxy) is found here, before the first reading depends on it.
    """
    table = Table(MEASUREMENT, (("node", who),), [now_ms], {"value": [float(now_ms % 1_000_003)]})
    answer = store.write(store.render(table))
    if not isinstance(answer, Stored):
        return f"a canary could not be written: {answer.reason}"
    question = Select(MEASUREMENT, ("value",), now_ms, now_ms + 1, {"node": who})
    found = [row for series in store.select(question) for row in series.rows]
    if found != [[now_ms, table.columns["value"][0]]]:
        return f"the canary that was written did not come back: {found}"
    store.remove(MEASUREMENT)
    return None


def ask_whether_it_answers(store: Store) -> None:
    """Raises StoreDown within seconds: before a long question whose asker holds up everybody."""
    store.select(Select(MEASUREMENT, ("value",), limit=1, within_s=SOON_S))
