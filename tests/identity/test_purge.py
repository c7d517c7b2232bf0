"""A purged station is in no store any more; its neighbour is untouched."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import yaml

from collector.delivery.ingest import Ingest
from collector.delivery.quarantine import Quarantine
from collector.delivery.registry import Registry
from collector.delivery.series import SeriesBudget
from collector.statedb import open_state
from collector.stores.sqlite import Sqlite
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from tests.collector.bench import BATCH, NOW, SPOOL, dump
from wire.status import Birth


def test_purge_then_search_every_store(tmp_path: Path) -> None:
    state = open_state(tmp_path / "collector.db")
    store = Sqlite(tmp_path / "readings.db")
    store.prepare()
    ingest = Ingest("c1", store, Quarantine(state), Registry(state), series=SeriesBudget(state))
    for number, node in enumerate(("lp-0017", "lp-0018")):
        spool = SPOOL[:-1] + str(number)
        ingest.registry.update(Birth(node, "here", "0" * 16, (spool,), 1, None, "0.1.0", "synced"), NOW)
        good = BATCH | {"node": node, "spool": spool}
        ingest.take(node, dump(good), NOW)
        ingest.take(node, dump(good | {"seq": 43, "blocks": None}), NOW)
        ingest.take(node, b"noise " + node.encode(), NOW)
        ingest.write(NOW)
    desk = DeskFile(tmp_path / "desk.db")
    Reports(desk).submit("lp-0017", "other", "it hums", "", NOW)
    desk.close()
    store.close()
    state.close()
    settings = tmp_path / "collector.yaml"
    document = {
        "store": {"kind": "sqlite", "path": str(tmp_path / "readings.db")},
        "state_file": str(tmp_path / "collector.db"),
    }
    settings.write_text(yaml.safe_dump(document))
    words = ["stations", "purge", "lp-0017", "--yes", "--config", str(settings)]
    done = subprocess.run([sys.executable, "-m", "lamppost", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path in tmp_path.glob("*.db"):
        with closing(sqlite3.connect(path)) as db:
            hits = [line for line in db.iterdump() if "lp-0017" in line and '"audit"' not in line]
            assert hits == [], path
            if path.name != "desk.db":
                assert any("lp-0018" in line for line in db.iterdump()), "the neighbour is still there"
