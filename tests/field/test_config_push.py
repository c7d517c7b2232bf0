"""Settings from the office: refused with file, line and reason, or put back by the agent itself; no reading is lost."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import yaml

from edge_agent.office.remote_config import STARTS_MAX, Health, Refused, RemoteConfig, Trial, check, digest
from edge_agent.settings.config import Config
from tests.field.conftest import NODE, Field
from tests.servers import wait_for
from tests.writable import SPOOL

SETTINGS = f"""node: lp-1
site: here
sensors:
  - name: air-1
    profile: plantower-pms5003
    port: /dev/a
{SPOOL}"""
HEALTHY = Health(frozenset({"air-1"}), True, True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.yaml"
    path.write_text(SETTINGS)
    path.chmod(0o640)
    return path


def config() -> Config:
    return check(SETTINGS, None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("plantower-pms5003", "plantower-pms5033"), r"agent\.yaml:5: sensors\[0\]\.profile: .*did you mean"),
        (("site: here", "site: Here"), r"agent\.yaml:2: site"),
        (
            ("site: here", "site: here\nseel_s: 3"),
            r"agent\.yaml:3: seel_s: unknown key 'seel_s', did you mean 'seal_s'",
        ),
        (("node: lp-1", "node: lp-2"), r"agent\.yaml:1: node: may not be changed from afar"),
        (("lamppost-spool.db", "another.db"), r"agent\.yaml:7: spool: may not be changed"),
        (("sensors:", "sensors: ["), r"agent\.yaml:"),
    ],
)
def test_bad_settings_are_refused_with_file_line_and_reason(file: Path, change: tuple[str, str], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        RemoteConfig(file).take(SETTINGS.replace(*change), 1, None, config(), HEALTHY)
    assert file.read_text() == SETTINGS
    assert [path.name for path in file.parent.iterdir()] == ["agent.yaml"]


def test_settings_that_somebody_changed_on_the_ladder_are_not_overwritten_unseen(file: Path) -> None:
    keeper = RemoteConfig(file)
    with pytest.raises(Refused, match="others than those you changed"):
        keeper.take(SETTINGS, 1, digest("what the office had seen"), config(), HEALTHY)
    keeper.take(SETTINGS + "seal_s: 2.0\n", 1, keeper.show()["digest"], config(), HEALTHY)
    with pytest.raises(Refused, match="on trial"):
        keeper.take(SETTINGS, 2, None, config(), HEALTHY)


def test_a_trial_is_passed_by_readings_and_the_mode_of_the_file_stays(file: Path) -> None:
    keeper = RemoteConfig(file)
    keeper.take(SETTINGS + "seal_s: 2.0\n", 7, None, config(), HEALTHY)
    trial = keeper.begin()
    assert trial == Trial(7, ["air-1"], True, 1, digest(SETTINGS + "seal_s: 2.0\n"))
    assert keeper.judge(trial, config(), Health(frozenset(), True, False), 5) is None
    assert keeper.judge(trial, config(), HEALTHY, 6) == "kept"
    assert keeper.outcome() == {"state": "kept", "version": 7, "reason": ""}
    assert file.read_text().endswith("seal_s: 2.0\n")
    assert file.stat().st_mode & 0o777 == 0o640
    assert keeper.begin() is None


@pytest.mark.parametrize(
    ("health", "reason"),
    [
        (Health(frozenset(), True, True), "air-1 is silent"),
        (Health(frozenset({"air-1"}), False, False), "the broker is not reached"),
        (Health(frozenset({"air-1"}), True, False), "nothing was confirmed"),
    ],
)
def test_what_was_well_before_and_is_not_now_ends_the_trial(file: Path, health: Health, reason: str) -> None:
    keeper = RemoteConfig(file)
    keeper.take(SETTINGS + "seal_s: 2.0\n", 7, None, config(), HEALTHY)
    trial = keeper.begin()
    assert trial is not None
    assert keeper.judge(trial, config(), health, 50) is None
    assert keeper.judge(trial, config(), health, 110) == reason
    keeper.put_back(reason)
    assert file.read_text() == SETTINGS
    assert keeper.outcome() == {"state": "rolled back", "version": 7, "reason": reason}


def test_what_was_silent_before_is_not_held_against_new_settings(file: Path) -> None:
    keeper = RemoteConfig(file)
    keeper.take(SETTINGS + "seal_s: 2.0\n", 1, None, config(), Health(frozenset(), False, False))
    trial = keeper.begin()
    assert trial is not None
    assert keeper.judge(trial, config(), Health(frozenset(), False, False), 1) == "kept"


def test_an_agent_that_falls_over_with_new_settings_gets_its_old_ones_back(file: Path) -> None:
    keeper = RemoteConfig(file)
    keeper.take(SETTINGS + "seal_s: 2.0\n", 3, None, config(), HEALTHY)
    for _ in range(STARTS_MAX):
        assert keeper.begin() is not None
    assert RemoteConfig(file).begin() is None
    assert file.read_text() == SETTINGS
    assert keeper.outcome()["state"] == "rolled back"


@pytest.mark.parametrize("there", [SETTINGS, SETTINGS + "seal_s: 4.0\n"], ids=["the old ones", "a person's"])
def test_settings_that_are_not_in_place_are_not_kept(file: Path, there: str) -> None:
    """The power went between the word of a trial and the file: the office read that its settings were kept."""
    keeper = RemoteConfig(file)
    keeper.take(SETTINGS + "seal_s: 2.0\n", 3, None, config(), HEALTHY)
    file.write_text(there)
    assert keeper.begin() is None
    assert keeper.outcome() == {"state": "rolled back", "version": 3, "reason": "other settings are in force"}
    assert file.read_text() == there


@pytest.mark.parametrize("there", [None, "node: lp-", SETTINGS])
def test_on_a_full_disk_the_old_ones_are_back_and_the_agent_begins(
    file: Path, monkeypatch: pytest.MonkeyPatch, there: str | None
) -> None:
    """It ended with a traceback at each start, as long as the disk was full: nobody read the sensors."""
    keeper = RemoteConfig(file)
    keeper.take(SETTINGS + "seal_s: 2.0\n", 3, None, config(), HEALTHY)
    if there is not None:
        file.write_text(there)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert keeper.begin() is None
    assert (file.read_text(), keeper.trial()) == (SETTINGS, None)
    assert keeper.outcome()["state"] == "local"


def test_a_power_cut_that_left_half_a_file_gets_the_old_ones_back(file: Path) -> None:
    keeper = RemoteConfig(file)
    keeper.take(SETTINGS + "seal_s: 2.0\n", 3, None, config(), HEALTHY)
    file.write_text("node: lp-")
    assert keeper.begin() is None
    assert file.read_text() == SETTINGS


@pytest.mark.real
def test_pushed_over_the_broker_refused_kept_and_put_back_without_a_lost_reading(field: Field) -> None:
    """The trial is cut to 8 s here; on a device it is 100 s."""
    field.start()
    before = field.config.read_text()
    new = field.folder / "new.yaml"

    new.write_text(before.replace("vaisala-wmt700", "vaisala-wmt7000"))
    refused = field.office("stations", "config", "apply", NODE, str(new))
    assert refused.returncode == 3
    assert "agent.yaml:" in refused.stderr
    assert "did you mean 'vaisala-wmt700'" in refused.stderr
    assert field.config.read_text() == before

    new.write_text(before.replace("seal_s: 1.0", "seal_s: 2.0"))
    kept = field.office("stations", "config", "apply", NODE, str(new))
    assert (kept.returncode, kept.stdout) == (0, f"{NODE}: version 2 kept\n"), kept.stderr
    assert field.config.read_text() == new.read_text()

    wrong = yaml.safe_load(new.read_text())
    wrong["sensors"][0]["port"] = str(field.ports / "elsewhere")
    new.write_text(yaml.safe_dump(wrong, sort_keys=False))
    back = field.office("stations", "config", "apply", NODE, str(new))
    assert back.returncode == 1, back.stderr
    assert "rolled back: air-1 is silent" in back.stdout
    assert "seal_s: 2.0" in field.config.read_text()
    assert "elsewhere" not in field.config.read_text()

    history = field.office("stations", "config", "history", NODE).stdout.splitlines()
    assert [line.split()[-1] if "rolled" not in line else "rolled" for line in history] == ["rolled", "kept", "refused"]

    wait_for("readings after all that", lambda: field.status().get("accepted", 0) > 3, 30)
    field.agent.stop()
    log = (field.folder / "agent.log").read_text()
    assert log.count("beginning anew") == 3
    wait_for("everything that was taken to be stored", lambda: field.waiting() == 0, 20)
    assert field.all_arrived()
    assert json.loads((field.folder / "agent.yaml.outcome").read_text())["state"] == "rolled back"
