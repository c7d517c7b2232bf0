"""The embedded store's file is taken away under the running collector: what goes into it then is in no database."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.stores.sqlite import Sqlite
from collector.stores.store import Held, Select, Stored, Table
from tests.closes import Closes

SERIES = (("node", "lp-1"),)


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_called_stored_until_it_is_back(tmp_path: Path, closes: Closes, replaced: bool) -> None:
    file, aside = tmp_path / "readings.db", tmp_path / "aside.db"
    store = closes(Sqlite(file))
    rows = store.render(Table("air_quality", SERIES, [60_000], {"pm25_ugm3": [8.0]}))
    assert isinstance(store.write(rows), Stored)
    file.rename(aside)
    if replaced:
        file.write_bytes(b"")
    answer = store.write(rows)
    assert isinstance(answer, Held)
    assert answer.reason.startswith(f"{file} was deleted or replaced under this program. Cure: move it back")
    assert isinstance(store.prepare(), Stored), "asked again it is ready, and refuses again"
    assert isinstance(store.write(rows), Held)
    aside.rename(file)
    assert isinstance(store.write(rows), Stored)
    assert len(store.select(Select("air_quality", ("pm25_ugm3",), 0, 120_000))) == 1
