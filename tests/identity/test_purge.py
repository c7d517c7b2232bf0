"""A purged station is in no store any more; its neighbour is untouched."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from collector.alerts import shared_duty
from collector.alerts.book import Book
from collector.alerts.retained import Retained
from collector.config import Config, SqliteStore
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.rules.deed import Deed
from collector.rules.series import Series
from collector.rules.silence import Matcher, Silence
from collector.rules.transition import Transition, fingerprint
from collector.stations.purge import purge as forget
from collector.stores.influx1 import Influx1
from collector.stores.influxql import Asker
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Store, Table
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from tests.collector.bench import BATCH, NOW, SPOOL, dump
from tests.ingest import ingest_on
from tests.servers import Influxd
from tests.typed import typed
from wire.status import Birth


def alert_of(node: str) -> Table:
    """A point of an alert: the node is a field of it, and no tag."""
    tags = (("fingerprint", f"f-{node[-2:]}"), ("rule", "high"), ("site", "here"))
    return Table("alerts", tags, [NOW], {"state": ["firing"], "node": [node]})


def said_of(node: str) -> dict[str, str]:
    """A silence of a station that has ended, what somebody wrote when they took its alert, and who has not heard."""
    silence = json.dumps(Silence("s-1", (Matcher("node", node),), 0, 1, "anna", ""))
    return {f"silence:s-{node}": silence, f"ack:f-{node[-2:]}": "[]", f"untold:f-{node[-2:]}": "{}"}


def say(store: Store, *nodes: str) -> None:
    """As a collector writes it (SharedDuty), all of them in one millisecond, and the end of the silences."""
    for node in nodes:
        assert shared_duty._write(store, said_of(node), 0, NOW)
        assert shared_duty._write(store, {f"silence:s-{node}": ""}, 0, NOW + 1)


def purge(settings: Path, **document: Any) -> None:
    settings.write_text(yaml.safe_dump(document))
    words = ["stations", "purge", "lp-0017", "--yes", "--config", str(settings)]
    done = typed(*words)
    assert done.returncode == 0, done.stderr


@pytest.mark.real
def test_influxdb_forgets_a_station_that_had_alerts(influxd: Influxd, tmp_path: Path) -> None:
    """Its DROP SERIES was refused as soon as any station had had an alert."""
    store = Influx1(influxd.url, "purge")
    store.prepare()
    for node in ("lp-0017", "lp-0018"):
        air = Table("air_quality", (("node", node), ("site", "here")), [NOW], {"pm25_ugm3": [9.0]})
        store.write(store.render(air) + store.render(alert_of(node)))
    say(store, "lp-0017", "lp-0018")
    state = str(tmp_path / "collector.db")
    wants = {"kind": "influx1", "url": influxd.url, "database": "purge"}
    purge(tmp_path / "collector.yaml", store=wants, state_file=state)
    (left,) = store.select(Select("air_quality", ("pm25_ugm3",), group_by=("node",)))
    (alerts,) = store.select(Select("alerts", ("node",)))
    assert (left.tags, [node for _, node in alerts.rows]) == ({"node": "lp-0018"}, ["lp-0018"])
    assert shared_duty.read(store, NOW).keys() == said_of("lp-0018").keys()
    again = typed("stations", "purge", "lp-0017", "--yes", "--config", str(tmp_path / "collector.yaml"))
    assert (again.returncode, "nothing is known of lp-0017" in again.stderr) == (1, True)
    store.close()


def test_measurements_of_which_nothing_is_left_are_not_forgotten_once_more(tmp_path: Path) -> None:
    """InfluxDB's index on the disk names them for long: each purge told anew what had gone the first time."""

    def ask(_: Asker, question: str, **__: Any) -> list[dict[str, Any]]:
        return [{"values": [["air_quality"]]}] if question.startswith("SHOW MEASUREMENTS") else []

    settings = tmp_path / "collector.yaml"
    settings.write_text(f"store: {{kind: influx1}}\nstate_file: {tmp_path}/collector.db\n")
    with patch.object(Asker, "ask", ask):
        done = typed("stations", "purge", "lp-0017", "--yes", "--config", str(settings))
    assert (done.returncode, "nothing is known of lp-0017" in done.stderr) == (1, True)


def test_purge_then_search_every_store(tmp_path: Path) -> None:
    state = open_state(tmp_path / "collector.db")
    store = Sqlite(tmp_path / "readings.db")
    store.prepare()
    ingest = ingest_on(store, Registry(state), state)
    for number, node in enumerate(("lp-0017", "lp-0018")):
        spool = SPOOL[:-1] + str(number)
        ingest.registry.update(Birth(node, "here", "0" * 16, (spool,), 1, None, "0.1.0", "synced"), NOW)
        good = BATCH | {"node": node, "spool": spool}
        ingest.take(node, dump(good), NOW)
        ingest.take(node, dump(good | {"seq": 43, "blocks": None}), NOW)
        ingest.take(node, b"noise " + node.encode(), NOW)
        ingest.write(NOW)
        store.write(store.render(alert_of(node)))
        say(store, node)
    desk = DeskFile(tmp_path / "desk.db")
    Reports(desk).submit("lp-0017", "other", "it hums", "", NOW)
    desk.close()
    store.close()
    state.close()
    settings = tmp_path / "collector.yaml"
    wants = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    purge(settings, store=wants, state_file=str(tmp_path / "collector.db"))
    for path in tmp_path.glob("*.db"):
        with closing(sqlite3.connect(path)) as db:
            hits = [line for line in db.iterdump() if "lp-0017" in line and '"audit"' not in line]
            assert hits == [], path
            if path.name != "desk.db":
                assert any("lp-0018" in line for line in db.iterdump()), "the neighbour is still there"
    with closing(Sqlite(tmp_path / "readings.db")) as left:
        assert shared_duty.read(left, NOW).keys() == said_of("lp-0018").keys()


def test_a_neighbour_at_a_site_of_the_same_name_keeps_its_alerts_and_so_does_who_watches_links(tmp_path: Path) -> None:
    """They went with it; and of the one that goes, what its rules had seen stayed. Of one that was purged while it was
    offline, as who is taken down is, each other that was too was told to be back."""
    state = tmp_path / "collector.db"
    open_state(state).close()
    series = [Series("air_quality", "gate", node, "air-1") for node in ("gate", "gate-2", "major")]
    with closing(Book.open(state)) as book:
        links = {each.node: [False, NOW] for each in series}
        tracks = [[str(each), "offline", "0", []] for each in series]
        together = {"absences": {"links": links, "open": tracks}, "joined": {"minute": NOW, "tracks": tracks}}
        book.save_rules({str(each): {"seen": 1} for each in series} | {"": together})
        book.save_desk({f"standing:{each.node}": {"alert": {"labels": each.labels()}} for each in series})
        for each in series:
            book.add_transition(firing(each), NOW)
    settings = Config(store=SqliteStore(kind="sqlite", path=tmp_path / "readings.db"), state_file=state)
    for node in ("gate", "major"):
        forget(settings, node)
    with closing(Book.open(state)) as book:
        assert sorted(book.rules()) == ["", str(series[1])]
        left = book.rules()[""]
        assert left["absences"] == {"links": {"gate-2": [False, NOW]}, "open": tracks[1:2]}
        assert left["joined"] == {"minute": NOW, "tracks": tracks[1:2]}
        assert list(book.desk()) == ["standing:gate-2"]
        assert [each.transition.labels["node"] for each in book.transitions(0)] == ["gate-2"]


def test_what_people_did_about_its_alerts_goes_and_the_broker_is_told_that_they_are_over(tmp_path: Path) -> None:
    """A message of an alert that fired stayed at the broker for ever; the silence, with its words, in the collector."""
    state = tmp_path / "collector.db"
    open_state(state).close()
    of = {node: firing(Series("air_quality", "gate", node, "air-1")) for node in ("lp-1", "lp-10")}
    with closing(Book.open(state)) as book:
        for node, each in of.items():
            book.add_transition(each, NOW)
            book.ask("silence", {"match": f"node={node}", "note": "works"}, NOW)
            book.add_deeds([
                Deed(NOW, "anna", "silenced", f"s-1 node={node}", "works"),
                Deed(NOW, "anna", "acknowledged", each.fingerprint, "on site"),
            ])  # fmt: skip
            book.save_retained({f"alerts/{node}": (json.dumps(each.as_json()), None)})
    forget(Config(store=SqliteStore(kind="sqlite", path=tmp_path / "readings.db"), state_file=state), "lp-1")
    with closing(Book.open(state)) as book:
        assert {deed.about for deed in book.deeds()} == {"s-1 node=lp-10", of["lp-10"].fingerprint}
        assert [asked["match"] for _, _, asked in book.asked()] == ["node=lp-10"]
        (gone, left) = Retained(book).all()
        assert (gone.topic, gone.body, left.topic) == ("alerts/lp-1", b"", "alerts/lp-10")
        cleared = Retained(book).changes([], {}, NOW)
        assert [(each.topic, each.body) for each in cleared] == [("alerts/lp-1", b"")]


def firing(series: Series) -> Transition:
    return Transition(
        fingerprint("high", series), "high", "1", "major", (), series.kind, series.labels(), "firing", 91.0, "> 75",
        NOW, NOW, f"high {series}", "高", "high",
    )  # fmt: skip
