"""From the broker to the webhook: a reading that raises an alarm is stored and told within the budget."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from tests.alerts.feeder import Feeder
from tests.alerts.receiver import Receiver
from tests.alerts.street import street
from tests.servers import wait_for

pytestmark = pytest.mark.real

BUDGET_S = 2.0  # 1 s from the byte to the database, 1 s more to the notification


def test_a_reading_that_raises_is_told_within_the_budget(tmp_path: Path, receiver: Receiver) -> None:
    waits_ms: list[int] = []
    with street(tmp_path, receiver, "c1") as (broker, rig, (collector,)):
        collector.start()
        rig.wait_for_page()
        feeder = Feeder(broker.port, 6, (1.0, 2.0), (0.6, 1.5), seed=3)
        try:
            wait_for("the first word", lambda: bool(receiver.took), 30)
            seen = len(receiver.took)  # what happened while it began is no measure
            until_s = time.monotonic() + 20
            while len(waits_ms) < 6 and time.monotonic() < until_s:
                told = [(message["came_ms"], alert) for message in receiver.took[seen:] for alert in message["alerts"]]
                seen = len(receiver.took)
                waits_ms += [came_ms - alert["since_ms"] for came_ms, alert in told if alert["state"] == "firing"]
                time.sleep(0.05)
        finally:
            feeder.stop()
    print(f"reading to notification: median {statistics.median(waits_ms):.0f} ms, worst {max(waits_ms)} ms")
    assert len(waits_ms) >= 6
    assert max(waits_ms) < BUDGET_S * 1000
