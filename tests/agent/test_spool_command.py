"""`lamppost agent spool`: what people see, take out, send again and give up, beside an agent that runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from common.owner import Owner
from edge_agent.commands.spool import app
from edge_agent.doctor import delivery_checks
from edge_agent.doctor.result import State, Station
from edge_agent.reading import Reading, Series
from edge_agent.screens.spool import screen
from edge_agent.spool.sealing import readings_of
from edge_agent.spool.spool import Origin, Sealed, Spool
from tests.closes import Closes
from wire.both import zh
from wire.cells import width_of
from wire.exits import Failure
from wire.times import HOUR_MS

AIR = Series("air-1", "air_quality", (), "plantower-pms5003@1")
ORIGIN = Origin("lp-1", "s", "b71d04c2", "synced")


class Desk:
    """A spool with two hours of readings: the first is answered, the second waits, five rows are not sealed yet."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "spool.db"
        self.config = folder / "agent.yaml"
        self.status_file = folder / "status.json"
        sensors = [{"name": "air-1", "profile": "plantower-pms5003", "port": "/dev/ttyS9"}]
        settings: dict[str, Any] = {"node": "lp-1", "site": "s", "sensors": sensors}
        settings |= {"spool": {"path": str(self.path)}, "status_file": str(self.status_file)}
        self.config.write_text(yaml.safe_dump(settings))
        self.spool = Spool(self.path, "lp-1", "s")
        self.t0 = int(time.time() * 1000) - 2 * HOUR_MS
        self.sealed = [self._minute(n) for n in range(120)]
        for one in self.sealed[:60]:
            self.spool.release(one.id, 0, self.t0 + 2 * HOUR_MS)
        self.spool.accept([self._reading(7200 + n) for n in range(5)], ORIGIN)

    def _minute(self, number: int) -> Sealed:
        self.spool.accept([self._reading(60 * number + n) for n in range(60)], ORIGIN)
        (one,) = self.spool.seal()
        return one

    def _reading(self, second: int) -> Reading:
        return Reading(AIR, self.t0 + 1000 * second, {"pm25_raw_ugm3": second % 50, "pm10_raw_ugm3": 7})

    def set_max_size(self, size: str) -> None:
        settings = yaml.safe_load(self.config.read_text())
        settings["spool"]["max_size"] = size
        self.config.write_text(yaml.safe_dump(settings))

    def says(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, [*words, "--config", str(self.config)])
        if isinstance(done.exception, Failure):
            raise done.exception
        assert done.exit_code == code, (done.output, done.exception)
        return done.stdout

    def survey(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.says("status", "--json"))
        return said


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.spool.abandon()


def test_status_tells_what_waits_what_is_kept_and_how_long_the_room_lasts(desk: Desk) -> None:
    desk.status_file.write_text(json.dumps({"written_bytes": 1_000_000, "up_s": 8640}))
    said = desk.survey()
    assert (said["waiting_rows"], said["kept_rows"]) == (3605, 3600)
    assert said["oldest_ms"] == desk.t0 + HOUR_MS
    assert said["card_bytes_a_day"] == 10_000_000
    daily = sum(len(one.data) for one in desk.sealed) * 12
    assert daily <= said["bytes_a_day"] <= 2.1 * daily
    assert said["days_left"] == pytest.approx((said["max_bytes"] - said["waiting_bytes"]) / said["bytes_a_day"], 0.01)
    assert "3605 rows, oldest 1 h" in desk.says("status")


def test_how_long_the_room_lasts_is_told_while_everything_waits_for_the_time(desk: Desk) -> None:
    """It lies here unpacked: by the day of what was sealed it would have lasted ten times as long."""

    def hours(first: int, last: int) -> None:
        for second in range(first * 3600, last * 3600, 30):
            rows = [Reading(AIR, second * 1000 + n, {"pm25_raw_ugm3": n, "pm10_raw_ugm3": 7}) for n in range(30)]
            desk.spool.accept(rows, ORIGIN._replace(clock="unsynced"))

    hours(0, 1)
    assert desk.survey()["days_left"] is None
    hours(1, 2)
    said = desk.survey()
    assert said["untimed_rows"] == 7200
    hours(2, 3)
    grown = desk.survey()["waiting_bytes"] - said["waiting_bytes"]
    assert grown == pytest.approx(said["bytes_a_day"] / 24, rel=0.1)
    assert "10800 of them for the clock to be set" in desk.says("status")
    assert "if the clock is not set" in desk.says("status")


def test_a_spool_on_a_disk_that_became_read_only_can_be_saved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite wants to make a log beside it, and "unable to open" was all that anybody heard."""
    desk.spool.close()
    before = sorted(desk.path.parent.iterdir())
    real = os.statvfs(desk.path.parent)
    now = SimpleNamespace(f_flag=os.ST_RDONLY, f_bavail=real.f_bavail, f_frsize=real.f_frsize, f_blocks=real.f_blocks)
    monkeypatch.setattr(os, "statvfs", lambda _: now)
    assert delivery_checks.spool_integrity(Station(desk.config)).state is State.OK
    assert desk.survey()["waiting_rows"] == 3605
    assert sorted(desk.path.parent.iterdir()) == before, "nothing was made that could not be"


def test_doctor_says_the_same_of_the_room_whatever_the_agent_has_been_up(desk: Desk) -> None:
    """A day's answered batches stay in the file: a restart made a day's growth of them, in an hour."""
    at_ms = int(time.time() * 1000)
    said = {"node": "lp-1", "at_ms": at_ms, "up_s": 5, "accepted": 1, "spool_bytes": 2**40}
    desk.status_file.write_text(json.dumps(said))
    assert delivery_checks.spool_space(Station(desk.config)).state is State.OK
    desk.status_file.write_text(json.dumps(said | {"spool_share": 0.97, "clock": "unsynced"}))
    assert "full: the oldest readings are thinned" in delivery_checks.spool_space(Station(desk.config)).text
    desk.status_file.write_text(json.dumps(said))
    desk.set_max_size("1 MiB")  # small, and the disk is not: no reason to vacuum anything
    days = json.loads(desk.says("status", "--json", code=1))["days_left"]
    assert 0 < days < 7
    found = delivery_checks.spool_space(Station(desk.config))
    assert found.state is State.WARN
    assert f"{days:.1f} days if the link stays away" in found.text


def test_status_fits_sixty_columns(desk: Desk) -> None:
    said = desk.survey() | {"file": "/var/lib/lamppost/spool.db", "lost": {"thinned": 12_345, "dropped": 7}}
    said |= {"kept_rows": 1_234_567, "kept_since_ms": said["oldest_ms"] - 85_000_000, "card_bytes_a_day": None}
    shown = screen(said, int(time.time() * 1000))
    lines, chinese = shown.splitlines(), zh(shown).splitlines()
    assert max(map(width_of, [*lines, *chinese])) <= 60
    assert "12345 thinned, 7 dropped" in lines[-1]
    assert chinese[-1] == "丢失      已抽稀 12345 条，已丢弃 7 条"


def test_list_names_batches_and_what_became_of_them(desk: Desk) -> None:
    entries = json.loads(desk.says("list", "--json", "--limit", "500"))
    assert [entry["state"] for entry in entries] == ["stored"] * 60 + ["waiting"] * 60
    waiting = json.loads(desk.says("list", "--json", "--waiting", "--from", "30m"))
    assert 28 <= len(waiting) <= 31
    assert {entry["state"] for entry in waiting} == {"waiting"}
    shown = desk.says("list", "--limit", "2")
    assert "2 batches, the newest 2" in shown
    assert max(map(len, shown.splitlines())) <= 60


def test_export_gives_every_value_sealed_or_not(desk: Desk, tmp_path: Path) -> None:
    desk.says("export", str(tmp_path / "all.csv"))
    lines = (tmp_path / "all.csv").read_text().splitlines()
    assert lines[0] == "time,sensor,kind,tags,quantity,value,clock"
    assert len(lines) == 1 + 2 * 7205
    assert lines[1].endswith(",air-1,air_quality,,pm25_raw_ugm3,0,synced")
    desk.says("export", str(tmp_path / "some.jsonl"), "--waiting")
    batches = [json.loads(line) for line in (tmp_path / "some.jsonl").read_text().splitlines()]
    assert [one["seq"] for one in batches] == list(range(61, 121))
    with pytest.raises(Failure, match="exists already"):
        desk.says("export", str(tmp_path / "all.csv"))
    with pytest.raises(Failure, match=r"\.csv or \.jsonl|no format"):
        desk.says("export", str(tmp_path / "all.pdf"))


def test_export_goes_on_past_a_batch_that_the_disk_has_changed(desk: Desk, tmp_path: Path) -> None:
    """It ended there with a traceback, and what stood behind was not to be had."""
    desk.spool._db.execute("UPDATE sealed SET bytes = zeroblob(300) WHERE id = 70")
    desk.says("export", str(tmp_path / "all.csv"), code=1)
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 1 + 2 * (7205 - 60)
    desk.says("export", str(tmp_path / "all.jsonl"), code=1)
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 119


def test_export_tells_what_is_not_in_it(desk: Desk, tmp_path: Path) -> None:
    """Of readings that were not sealed yet, and damaged or without a time, it said nothing and that all was well."""
    desk.spool.accept([desk._reading(7300 + n) for n in range(3)], ORIGIN._replace(clock="unsynced"))
    told = {name: _tells(desk, tmp_path / name) for name in ("one.csv", "one.jsonl")}
    assert told == {
        "one.csv": ["14411 lines", "without 3 readings: they wait for the true time"],
        "one.jsonl": ["120 lines", "without 8 readings: they are in no batch yet; a .csv has them"],
    }
    desk.spool._db.execute("UPDATE chunk SET body = '[[1' WHERE clock = 'synced'")
    *_, last = _tells(desk, tmp_path / "two.csv", code=1)
    assert last == "5 readings left out: what was written of them cannot be read"


def _tells(desk: Desk, file: Path, code: int = 0) -> list[str]:
    done = CliRunner().invoke(app, ["export", str(file), "--config", str(desk.config)])
    assert done.exit_code == code
    return done.stderr.splitlines()


def test_replay_beside_a_running_agent_sends_the_same_bytes_again(desk: Desk) -> None:
    desk.spool.accept([], ORIGIN)  # the agent's next commit writes what was released
    assert "60 batches" in desk.says("replay", "--from", "3h")
    again = desk.spool.oldest(200)
    assert [one.data for one in again] == [one.data for one in desk.sealed]
    assert [one.replay for one in again] == [1] * 60 + [0] * 60
    assert "0 batches" in desk.says("replay", "--from", "10m", code=1)


def test_purge_deletes_what_was_answered_and_only_says_so_without_yes(desk: Desk) -> None:
    desk.spool.accept([], ORIGIN)
    assert "would delete 3600 answered rows" in desk.says("purge", "--older-than", "0m", code=1)
    assert desk.survey()["kept_rows"] == 3600
    desk.says("purge", "--older-than", "0m", "--yes")
    said = desk.survey()
    assert (said["kept_rows"], said["waiting_rows"]) == (0, 3605)


@pytest.mark.parametrize("length", ["99999999999999999999d", "²d", "-1d", "d", "30"])
def test_a_length_that_is_none_is_called_so(desk: Desk, length: str) -> None:
    """One that no database can count was a traceback."""
    with pytest.raises(Failure, match="no length of time"):
        desk.says("purge", "--older-than", length)


def test_what_waits_is_given_up_only_with_the_agent_stopped_and_stands_in_a_gap_record(
    desk: Desk, closes: Closes
) -> None:
    owner = Owner(desk.path)
    with pytest.raises(Failure, match="in use by process"):
        desk.says("purge", "--older-than", "30m", "--unsent", "--yes")
    desk.spool.close()
    owner.release()
    desk.says("purge", "--older-than", "30m", "--unsent", "--yes")
    said = desk.survey()
    assert said["lost"] == {"purged": 1800}
    assert said["waiting_rows"] == 3605 - 1800 + 1, "the gap record waits too"
    (gap,) = [row for one in closes(Spool(desk.path, "lp-1", "s")).oldest(99) for row in readings_of(one.data)[0][-1:]][
        -1:
    ]
    assert (dict(gap.series.tags), gap.values["lost_count"]) == ({"reason": "purged"}, 1800)


def test_no_spool_a_damaged_one_no_settings_and_no_time_are_told_with_the_cure(desk: Desk) -> None:
    with pytest.raises(Failure, match="no time"):
        desk.says("list", "--from", "yesterday")
    desk.spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    desk.spool.close()
    with desk.path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * (desk.path.stat().st_size - 4 * 4096))
    for word in ("status", "list"):
        with pytest.raises(Failure, match="malformed") as failed:
            desk.says(word)
        assert "it is mended at start" in failed.value.cure
    desk.path.unlink()
    with pytest.raises(Failure, match="Cure"):
        desk.says("status")


def test_the_doctor_names_what_nobody_answered() -> None:
    said = {"damaged": None, "unanswered": 60, "oldest_ms": None, "waiting_rows": 0}
    found = delivery_checks.spool_age(SimpleNamespace(said=said))  # type: ignore[arg-type]
    assert (found.state, found.cure[:4]) == ("warn", "send")
    assert "60 readings" in found.text
    assert delivery_checks.spool_age(SimpleNamespace(said=said | {"unanswered": 0})).state == "ok"  # type: ignore[arg-type]


def test_what_waits_for_the_time_is_not_nothing() -> None:
    """Its age is not known; "nothing waits" stood beside "220 waiting" of the status screen."""
    said = {"damaged": None, "unanswered": 0, "oldest_ms": None, "waiting_rows": 220}
    assert "220 readings wait" in delivery_checks.spool_age(SimpleNamespace(said=said)).text  # type: ignore[arg-type]


def test_a_password_that_was_put_right_under_a_running_agent_wants_a_restart() -> None:
    """Every step to the broker was well, and nothing told why the agent was not connected."""
    said = {"connected_s": None, "link_trouble": "refused: Not authorized"}
    found = delivery_checks.collector_ack(SimpleNamespace(settings=object(), said=said))  # type: ignore[arg-type]
    assert (found.state, found.text) == (State.WARN, "the agent is not let in: refused: Not authorized")
    assert "restart lamppost-agent" in found.cure
    said["link_trouble"] = "Connection refused"
    assert delivery_checks.collector_ack(SimpleNamespace(settings=object(), said=said)).state is State.SKIP  # type: ignore[arg-type]


def test_a_station_whose_agent_never_ran_is_not_sent_to_the_office(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collector knows nobody who has said nothing; who had just written the settings read to tell the office."""
    unknown = {"ok": False, "error": "lp-1 has not said who it is yet"}
    monkeypatch.setattr("edge_agent.identity.reach.ask_collector", lambda *_: unknown)
    found = [
        delivery_checks.collector_ack(SimpleNamespace(settings=object(), said=said))  # type: ignore[arg-type]
        for said in (None, {"connected_s": 3.0})
    ]
    assert [one.state for one in found] == [State.FAIL, State.FAIL]
    assert "systemctl start lamppost-agent" in found[0].cure
    assert "office" in found[1].cure
