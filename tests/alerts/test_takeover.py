"""Two collectors on one broker: when the active one is killed, the other goes on with its alerts under their keys."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.alerts.feeder import Feeder
from tests.alerts.kills import RULE, _told, _wanted
from tests.alerts.receiver import Receiver
from tests.rig import Rig
from tests.servers import Influxd, Mosquitto, free_port, wait_for

pytestmark = [pytest.mark.real, pytest.mark.long]


def test_the_other_collector_tells_the_end_of_what_the_first_has_told(tmp_path: Path, receiver: Receiver) -> None:
    broker, database = Mosquitto(tmp_path / "broker"), Influxd(tmp_path / "database")
    broker.start()
    database.start()
    rig = Rig(tmp_path, broker, database)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump([RULE]))
    hook = {"name": "hook", "kind": "webhook", "url": receiver.url}
    alerts = {"channels": [hook], "group": "0s", "flap_changes": 1000}
    names = ("c1", "c2")
    both = [rig.collector(name, tmp_path / "rules.yaml", alerts=alerts, web={"port": free_port()}) for name in names]
    feeder = Feeder(broker.port, 6, (3.0, 9.0), (3.0, 12.0), seed=8)
    try:
        for turn in range(4):
            active = both[turn % 2]
            if not active.running():
                active.start()
            wait_for("some episodes", lambda: len(_told(receiver)) >= 6 * (turn + 1), 60)  # noqa: B023
            both[1 - turn % 2].start()
            wait_for("the other stands by", lambda: "now standby" in both[1 - turn % 2].log.read_text(), 30)  # noqa: B023
            active.kill()
        feeder.calm = True
        wait_for("every batch acknowledged", lambda: feeder.idle, 60)
        wait_for("every episode told", lambda: _wanted(feeder) <= _told(receiver).keys(), 60)
    finally:
        feeder.stop()
        rig.close()
        broker.stop()
        database.stop()
