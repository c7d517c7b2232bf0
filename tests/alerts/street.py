"""Real collectors with one rule and one webhook, on a broker and a database of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.alerts.kills import RULE
from tests.alerts.receiver import Receiver
from tests.rig import Program, Rig
from tests.servers import Influxd, Mosquitto, free_port


@contextmanager
def street(folder: Path, receiver: Receiver, *names: str) -> Iterator[tuple[Mosquitto, Rig, list[Program]]]:
    """Broker, rig and a collector of each name, not started yet. Every change is told at once."""
    broker, database = Mosquitto(folder / "broker"), Influxd(folder / "database")
    broker.start()
    database.start()
    rig = Rig(folder, broker, database)
    (folder / "rules.yaml").write_text(yaml.safe_dump([RULE]))
    hook = {"name": "hook", "kind": "webhook", "url": receiver.url}
    alerts = {"channels": [hook], "group": "0s", "flap_changes": 1000}
    ports = {name: {"port": rig.page_port if name == "c1" else free_port()} for name in names}
    try:
        yield broker, rig, [rig.collector(n, folder / "rules.yaml", alerts=alerts, web=ports[n]) for n in names]
    finally:
        rig.close()
        broker.stop()
        database.stop()
