"""A name that is none is a slip: each command says what was wrong and what was meant, and does nothing."""

from __future__ import annotations

import shlex
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from collector.alerts.book import Book
from collector.config import Config
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.identity.book import Book as Enrolled
from collector.numbers.calibration import Calibrations, Record
from collector.stations.names import names_of
from collector.stores.sqlite import Sqlite
from collector.web.desk.file import DeskFile
from common.settings import load_settings
from lamppost import _build
from wire.exits import Exit, Failure
from wire.status import Birth, Sensor

T0 = 1_790_000_000_000
RULES = """
- alert: pm25-high
  kind: air_quality
  window: {last: pm25_ugm3}
  raise: "> 75"
  text: {zh: 过高, en: too high}
"""
KNOWN, NAMED, ENROLLED = "lp-0001", "lp-0002", "north-3"  # heard of, named in the settings, let in


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "collector.yaml"
    (tmp_path / "rules.yaml").write_text(RULES)
    file.write_text(
        f"store: {{kind: sqlite, path: {tmp_path}/readings.db}}\nstate_file: {tmp_path}/collector.db\n"
        f"rules: [{tmp_path}/rules.yaml]\nstations: [{{node: {NAMED}, zh: 西直门, en: Xizhimen}}]\n"
    )
    with closing(open_state(tmp_path / "collector.db")) as state:
        Book(state)
        registry = Registry(state)
        sensors = (Sensor("air-1", "plantower-pms5003@1"),)
        registry.update(Birth(KNOWN, "east", "0" * 16, ("0" * 32,), 1, None, "0.1.0", "synced", sensors), T0)
        registry.save()
        Calibrations(state).add(Record(KNOWN, "air-1", "pm25_ugm3", T0, T0, "anna", slope=0.5))
    with closing(Sqlite(tmp_path / "readings.db")) as store:
        store.prepare()
    with closing(DeskFile(tmp_path / "desk.db")) as desk:
        Enrolled(desk).enrolled(ENROLLED, 1, T0, "anna", T0)
    return file


def fails(config: Path, command: str) -> tuple[int, str]:
    words = shlex.split(command)
    done = CliRunner().invoke(_build(words[0]), [*words, "--config", str(config)])
    assert isinstance(done.exception, Failure), (done.output, done.exception)
    return done.exception.code, done.exception.line()


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("calibrate apply --since 2026-03-01 --node lp-001", 2, "no node is called lp-001. Cure: did you mean"),
        (
            "calibrate apply --since 2026-03-01 --node lp-0002", 2,
            "lp-0002 has no calibration record. Cure: did you mean lp-0001?",
        ),
        (
            "calibrate apply --since 2026-03-01 --node lp-0001 --sensor air-2", 2,
            "sensor air-2 of lp-0001 has no calibration record. Cure: did you mean air-1?",
        ),
        ("alerts ack node=lp-001", 2, "node=lp-001: there is no such node. Cure: did you mean lp-0001?"),
        ("alerts ack site=eats", 2, "site=eats: there is no such site. Cure: did you mean east?"),
        ("alerts ack rule=pm25-hihg", 2, "rule=pm25-hihg: there is no such rule. Cure: did you mean pm25-high?"),
        ("alerts ack rule=pm25-*", 1, "nothing that fires matches rule=pm25-*. Cure: lamppost alerts list shows"),
        ("alerts history --rule pm25-hihg", 1, "there is no rule 'pm25-hihg', and none was told of. Cure: did"),
        ("query run highest --var site=eats", 1, "nothing is known of eats. Cure: did you mean east?"),
        ("query run highest --var sensor=air-2", 1, "nothing is known of air-2. Cure: did you mean air-1?"),
        ("stations show lp-001", 2, "no node is called lp-001. Cure: did you mean lp-0001?"),
        ("stations show lp-0002", 2, "lp-0002 has never been heard of. Cure: see to it that it reports"),
        ("stations show north-3", 2, "north-3 has never been heard of. Cure: see to it that it reports"),
        ("stations rename lp-001 --en X", 2, "no node is called lp-001. Cure: did you mean lp-0001?"),
        ("stations rename lp-0001 --en 'a\x07b'", 2, "'a\\x07b' has control characters. Cure: a name is one line"),
        ("stations purge lp-001 --yes", 1, "nothing is known of lp-001. Cure: did you mean lp-0001?"),
    ],
)  # fmt: skip
def test_a_name_that_is_none_is_told_with_the_nearest(config: Path, command: str, code: int, said: str) -> None:
    found = fails(config, command)
    assert (found[0], found[1][: len(said)]) == (code, said)


def test_a_rule_of_a_file_that_the_settings_do_not_name_is_told_how_it_gets_known(tmp_path: Path) -> None:
    """It listed fifty rules that were none of theirs."""
    file = tmp_path / "collector.yaml"
    file.write_text(f"store: {{kind: sqlite, path: {tmp_path}/r.db}}\nstate_file: {tmp_path}/c.db\n")
    assert fails(file, "rules backtest pm25-hourly-high") == (
        2,
        "there is no rule 'pm25-hourly-high' in the starter set, and the settings name no file of rules."
        " Cure: add `rules: [FILE]` to the settings, or --rules FILE",
    )


def test_a_node_that_nobody_knows_gives_no_answer_and_is_told_so(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any) -> dict[str, Any]:
        raise Failure(Exit.TIMED_OUT, "no-answer", "lp-001 is offline or unknown", "is it online?")

    monkeypatch.setattr("collector.stations.asking.ask", silent)
    for command in ("resend lp-001", "stations doctor lp-001"):
        assert fails(config, command) == (8, "lp-001 is offline or unknown. Cure: did you mean lp-0001?")
    assert fails(config, "resend lp-0001")[1].endswith("Cure: is it online?")


@pytest.mark.parametrize(
    ("match", "said"),
    [("node=lp-001", "warning: node=lp-001: there is no such node. Cure: did you mean lp-0001?\n"), ("node=lp-2*", "")],
)
def test_quiet_about_a_station_that_is_none_is_warned_of(config: Path, match: str, said: str) -> None:
    asked = ["alerts", "silence", match, "--preview", "--config", str(config)]
    done = CliRunner().invoke(_build("alerts"), asked)
    assert (done.exit_code, done.stderr) == (0, said)


def test_readings_that_are_not_to_be_opened_may_be_another_users(config: Path) -> None:
    """Who asked as himself read that no collector had run, and looked for the fault in the settings."""
    (config.parent / "readings.db").unlink()
    code, said = fails(config, "query run air-latest")
    assert (code, "run commands as the collector's user (sudo -u lamppost ...)" in said) == (7, True)


def test_a_station_that_only_the_settings_name_may_be_called_otherwise(config: Path) -> None:
    done = CliRunner().invoke(
        _build("stations"), ["stations", "rename", NAMED, "--en", "West", "--config", str(config)]
    )
    assert done.exit_code == 0
    assert done.stdout == f"{NAMED} is called 西直门 / West\n", "the other name stays, and nobody reads that it is gone"
    settings = load_settings(Config, config, "")
    with closing(open_state(settings.state_file)) as state:
        assert names_of(state, settings)[NAMED] == ("西直门", "West")


def test_a_history_of_nothing_says_so(config: Path) -> None:
    asked = ["stations", "config", "history", KNOWN, "--config", str(config)]
    done = CliRunner().invoke(_build("stations"), asked)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"no settings were sent to {KNOWN}\n")
