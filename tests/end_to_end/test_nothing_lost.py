"""Kill the collector, restart the broker, stop the database, each in the middle of 20,000 readings: none lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from collector.clock import wall_ms
from collector.delivery.audit import audit
from collector.delivery.gaps import gaps
from firmware_stubs.plantower import Pms5003
from tests.rig import Rig
from tests.servers import wait_for
from tests.typed import typed

pytestmark = pytest.mark.real

READINGS = 20_000
SENSORS = 2
PERIOD_S = 0.004  # far faster than the real sensor, so that the test ends
RULE = {
    "alert": "pm25-high",
    "kind": "air_quality",
    "window": {"last": "pm25_raw_ugm3"},
    "raise": "> 75",
    "text": {"zh": "PM2.5 过高", "en": "PM2.5 too high"},
}


def test_20000_readings_survive_each_server_in_turn(rig: Rig) -> None:
    collector = rig.collector()
    collector.start()
    rig.wait_for_page()
    sensors = {f"air-{n}": ("plantower-pms5003", Pms5003(_counting, period_s=PERIOD_S)) for n in range(SENSORS)}
    agent = rig.agent("lp-1", sensors)
    agent.start()
    rig.stubs.start()

    def accepted() -> int:
        count: int = rig.status("lp-1").get("accepted", 0)
        return count

    wait_for("2,000 readings", lambda: accepted() > 2_000, 60)
    collector.kill()
    collector.start()
    wait_for("6,000 readings", lambda: accepted() > 6_000, 60)
    rig.broker.kill()
    rig.broker.start()
    wait_for("10,000 readings", lambda: accepted() > 10_000, 60)
    rig.database.stop()
    stopped_s = time.monotonic()
    wait_for("30 s without a database", lambda: time.monotonic() - stopped_s > 30, 40)
    rig.database.start()
    wait_for(f"{READINGS} readings", lambda: accepted() >= READINGS, 120)
    for number in range(SENSORS):
        rig.stubs.remove(f"lp-1/air-{number}")
    wait_for("the spool to drain", lambda: _drained(rig), 120)
    agent.stop()
    total = rig.status("lp-1")["accepted"]
    assert total >= READINGS
    (finding,) = audit(rig.store)
    assert finding.complete, finding
    hours = gaps(rig.store, wall_ms() - 2 * 3_600_000, wall_ms(), {}, {})
    assert [cause for hour in hours for cause in hour.causes] == []
    assert sum(hour.accepted for hour in hours) == total
    assert rig.count("air_quality") == total, "lost or doubled"
    ledger = rig.rows("batch_ledger", "seq", "rows", "quarantined")
    assert sorted(row[1] for row in ledger) == list(range(1, len(ledger) + 1))
    print(json.dumps({"accepted": total, "stored": rig.count("air_quality"), "batches": len(ledger)}))


def test_a_database_restored_from_nothing_is_whole_again_after_resend(rig: Rig) -> None:
    collector = rig.collector()
    collector.start()
    rig.wait_for_page()
    agent = rig.agent("lp-1", {"air-1": ("plantower-pms5003", Pms5003(_counting, period_s=0.05))})
    agent.start()
    rig.stubs.start()
    wait_for("500 readings in the database", lambda: rig.count("air_quality") >= 500, 60)
    rig.stubs.remove("lp-1/air-1")
    wait_for("the spool to drain", lambda: _drained(rig), 60)
    before = rig.rows("air_quality", "pm25_raw_ugm3", "qc")
    rig.store._asker.ask("DROP DATABASE lamppost", post=True)
    rig.store.prepare()
    assert rig.count("air_quality") == 0
    settings = str(rig.folder / "collector-c1.yaml")
    done = typed("resend", "lp-1", "--since", "2h", "--json", "--config", settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["batches"] > 0
    wait_for("every row to be there again", lambda: rig.count("air_quality") == len(before), 60)
    assert rig.rows("air_quality", "pm25_raw_ugm3", "qc") == before
    audit = ("audit", "--json", "--config", settings)
    assert typed(*audit).returncode == 0
    rig.store._asker.ask(f"DELETE FROM air_quality WHERE time = {before[77][0]}ms", post=True)
    told = typed(*audit)
    assert told.returncode == 1
    assert json.loads(told.stdout)[0]["rows_missing"] == 1


@pytest.mark.long
def test_a_database_restored_from_an_old_backup_is_whole_again_after_resend(rig: Rig, tmp_path: Path) -> None:
    """On MQTT 3.1.1, where a batch that is sent again says so by its topic."""
    old = {"port": rig.broker.port, "protocol": "3.1.1"}
    collector = rig.collector(broker=old)
    collector.start()
    agent = rig.agent("lp-1", {"air-1": ("plantower-pms5003", Pms5003(_counting, period_s=0.05))}, broker=old)
    agent.start()
    rig.stubs.start()
    wait_for("readings for the backup", lambda: rig.count("air_quality") >= 100, 60)
    rig.database.stop()
    shutil.copytree(rig.database.folder, tmp_path / "backup")
    rig.database.start()
    wait_for("readings after the backup", lambda: rig.count("air_quality") >= 300, 60)
    rig.database.stop()
    for part in ("data", "wal", "meta"):
        shutil.rmtree(rig.database.folder / part)
        shutil.copytree(tmp_path / "backup" / part, rig.database.folder / part)
    rig.database.start()
    wait_for("readings after the restoration", lambda: rig.count("air_quality") >= 200, 60)
    rig.stubs.remove("lp-1/air-1")
    wait_for("the spool to drain", lambda: rig.status("lp-1").get("waiting_rows") == 0, 60)
    settings = str(rig.folder / "collector-c1.yaml")
    audit = ("audit", "--config", settings)
    assert typed(*audit).returncode == 1, "the hole shows"
    assert typed("resend", "lp-1", "--since", "2h", "--json", "--config", settings).returncode == 0
    wait_for("every row to be there, none waiting for a timer", lambda: _drained(rig), 20)
    assert typed(*audit).returncode == 0


@pytest.mark.long
def test_a_collector_that_comes_back_from_a_backup_goes_on_where_the_lost_one_was(rig: Rig) -> None:
    """What came between backup and loss is looked up in the database: alerts have their history and their keys."""
    level = 10.0
    rules = rig.folder / "rules.yaml"
    rules.write_text(yaml.safe_dump([RULE]))
    collector = rig.collector(rules=rules)
    collector.start()
    rig.wait_for_page()
    agent = rig.agent("lp-1", {"air-1": ("plantower-pms5003", Pms5003(lambda _: {"pm25_ugm3": level}, period_s=0.2))})
    agent.start()
    rig.stubs.start()
    wait_for("readings for the backup", lambda: rig.count("air_quality") >= 20, 60)
    said = ["-c", str(collector.settings)]
    archive = str(rig.folder / "backup.tar.gz")
    assert typed("collector", "backup", archive, *said).returncode == 0
    level = 200.0
    wait_for("an alert after the backup", lambda: "firing" in typed("alerts", "history", *said).stdout, 30)
    told = _history(said)
    collector.kill()
    for each in (*rig.folder.glob("c1.db*"), *rig.folder.glob("desk.db*"), collector.settings, rules):
        each.unlink()
    subprocess.run(["tar", "-xzpf", archive, "-C", "/"], check=True)
    collector.start()
    wait_for("the same history", lambda: _history(said) == told, 30)
    rig.stubs.remove("lp-1/air-1")
    wait_for("the spool to drain", lambda: _drained(rig), 60)
    assert typed("audit", *said).returncode == 0


def _history(said: list[str]) -> list[dict[str, object]]:
    """What was told of alerts, whenever it was found."""
    changes = json.loads(typed("alerts", "history", "--json", *said).stdout)
    return [{key: value for key, value in each.items() if key != "at_ms"} for each in changes]


def _drained(rig: Rig) -> bool:
    said = rig.status("lp-1")
    return bool(said) and said["waiting_rows"] == 0 and rig.count("air_quality") == said["accepted"]


def _counting(t_s: float) -> dict[str, float]:
    return {"pm25_ugm3": int(t_s * 1000) % 900}
