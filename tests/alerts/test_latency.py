"""From the broker to the webhook: a reading that raises an alarm is stored and told within the budget."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest
import yaml

from tests.alerts.feeder import Feeder
from tests.alerts.kills import RULE
from tests.alerts.receiver import Receiver
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto, wait_for

pytestmark = pytest.mark.real

BUDGET_S = 2.0  # 1 s from the byte to the database, 1 s more to the notification


def test_a_reading_that_raises_is_told_within_the_budget(tmp_path: Path, receiver: Receiver) -> None:
    broker, database = Mosquitto(tmp_path / "broker"), Influxd(tmp_path / "database")
    broker.start()
    database.start()
    rig = Rig(tmp_path, broker, database)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump([RULE]))
    hook = {"name": "hook", "kind": "webhook", "url": receiver.url}
    alerts = {"channels": [hook], "group": "0s", "flap_changes": 1000}
    rig.collector(rules=tmp_path / "rules.yaml", alerts=alerts).start()
    rig.wait_for_page()
    feeder = Feeder(broker.port, 6, (1.0, 2.0), (0.6, 1.5), seed=3)
    waits_ms: list[int] = []
    try:
        wait_for("the first word", lambda: bool(receiver.took), 30)
        seen = len(receiver.took)  # what happened while it began is no measure
        until_s = time.monotonic() + 20
        while len(waits_ms) < 6 and time.monotonic() < until_s:
            for message in receiver.took[seen:]:
                waits_ms += [
                    message["came_ms"] - alert["since_ms"] for alert in message["alerts"] if alert["state"] == "firing"
                ]
            seen = len(receiver.took)
            time.sleep(0.05)
    finally:
        feeder.stop()
        rig.close()
        broker.stop()
        database.stop()
    print(f"reading to notification: median {statistics.median(waits_ms):.0f} ms, worst {max(waits_ms)} ms")
    assert len(waits_ms) >= 6
    assert max(waits_ms) < BUDGET_S * 1000
