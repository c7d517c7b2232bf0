"""Grafana's files: they are whole, find their data source, and every question in them is answered by a database."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from typer.testing import CliRunner

from collector.commands.grafana import app
from collector.grafana.boards import BOARDS, Board
from collector.grafana.panel import UID, Panel, Version
from collector.grafana.provision import dashboard, stations_query
from collector.stores.influx1 import Influx1
from collector.stores.influxql import Asker
from collector.stores.store import Stored
from tests.questions import engine, town
from tests.servers import Influxd
from wire.times import HOUR_MS

DAY = "time >= {0}ms AND time < {1}ms"
SPAN = (town.T0, town.T0 + 2 * 24 * HOUR_MS)
PANELS = [pytest.param(panel, id=f"{board.slug}: {panel.en}") for board in BOARDS for panel in board.panels]
# What the town of the tests does not measure: the question must be answered, if with nothing.
NOT_MEASURED = {"Gases", "Noise, highest", "Vehicles driving the wrong way", "Occupancy", "Free disk", "Clock offset",
                "Space-mean speed", "Ozone, hourly mean", "PM10, hourly mean"}  # fmt: skip


@pytest.fixture(scope="module")
def asker(influxd: Influxd) -> Asker:
    store = Influx1(influxd.url, "grafana")
    assert store.prepare() == Stored()
    town.fill(store, nodes=2, hours=48)
    store.close()
    return Asker(influxd.url, "grafana", {})


def as_grafana_sends_it(text: str) -> str:
    span = DAY.format(*SPAN)
    return text.replace("$timeFilter", span).replace("$__interval", "1h").replace("/^$node$/", "/^(lp-0000|lp-0001)$/")


@pytest.mark.real
@pytest.mark.parametrize("panel", PANELS)
def test_influxdb_answers_every_panel(asker: Asker, panel: Panel) -> None:
    series = asker.ask(as_grafana_sends_it(panel.influxql()))
    assert bool(series) != (panel.en in NOT_MEASURED)
    for one in series:
        assert set(one.get("tags", {})) == set(panel.by)
        assert panel.measurement != "air_index" or town.T0 not in [row[0] for row in one["values"]], "it became NA"


@pytest.mark.real
def test_the_choice_of_stations_is_filled(asker: Asker) -> None:
    for board in BOARDS:
        if board.variable is not None:
            (series,) = asker.ask(stations_query(board.variable, "v1"))
            assert [row[1] for row in series["values"]] == ["lp-0000", "lp-0001"]


@pytest.mark.parametrize("panel", PANELS)
def test_the_engine_of_influxdb_3_answers_every_panel(panel: Panel) -> None:
    held = engine.context(panel.measurement, town.tables(2, 48), panel.fields)
    text = panel.sql().replace("${node:singlequote}", "'lp-0000','lp-0001'")
    text = text.replace("$__timeFilter(time)", "time >= '2020-01-01'").replace(
        "$__dateBin(time)", "date_bin(INTERVAL '1 hour', time)"
    )
    rows = [row for batch in held.sql(text).collect() for row in batch.to_pylist()]
    assert rows
    assert set(rows[0]) == {*panel.by, *panel.fields.values(), *(["time"] if panel.shape != "stat" else [])}


@pytest.mark.parametrize("version", get_args(Version))
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.slug)
def test_a_dashboard_is_whole(board: Board, version: Version) -> None:
    made = dashboard(board, version)
    text = json.dumps(made)
    assert "__inputs" not in text
    assert set(re.findall(r'"uid": "(lamppost-influx[^"]*)"', text)) == {UID[version]}
    numbers = [panel["id"] for panel in made["panels"]]
    assert len(set(numbers)) == len(numbers)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in made["panels"]]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in made["panels"])
    chosen = any(panel.chosen for panel in board.panels)
    assert chosen == bool(made["templating"]["list"]), "a choice is offered where a question uses it"


def test_particles_are_coloured_by_the_edition_in_force_and_the_panel_names_it() -> None:
    """HJ 633-2026 Table 3: PM2.5 of 60 ends 良; 75 did in the edition of 2012."""
    panels = [panel for board in BOARDS for panel in board.panels if "pm25_ugm3_mean" in panel.fields]
    coloured = [panel for panel in panels if panel.limits]
    assert {panel.limits for panel in coloured} == {(35, 60, 115, 150, 250)}
    assert all("HJ 633-2026" in title for panel in coloured for title in (panel.zh, panel.en))


@pytest.mark.parametrize("version", get_args(Version))
def test_the_command_writes_what_grafana_loads(version: Version, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["provision", "--influx", version, "-o", str(tmp_path), "-c", str(tmp_path / "none")]
    )
    assert done.exit_code == 0, done.output
    (source,) = yaml.safe_load((tmp_path / "datasources/lamppost.yaml").read_text())["datasources"]
    assert source["uid"] == UID[version]
    (provider,) = yaml.safe_load((tmp_path / "dashboards/lamppost.yaml").read_text())["providers"]
    assert len(list(Path(provider["options"]["path"]).glob("*.json"))) == len(BOARDS)
    secrets = json.dumps(source.get("secureJsonData", {}))
    assert version == "v1" or "$__file{" in secrets, "tokens stay in files that Grafana reads"
