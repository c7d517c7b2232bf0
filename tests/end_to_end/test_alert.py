"""An alert is a log line, a retained message, a stored point and a webhook, when it fires and when it is resolved."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from firmware_stubs.plantower import Pms5003
from tests.alerts.receiver import Receiver
from tests.closes import Closes
from tests.rig import Rig
from tests.servers import wait_for
from tests.typed import typed

pytestmark = pytest.mark.real

RULES = """
- alert: pm25-high
  kind: air_quality
  window: {mean: pm25_ugm3, over: 2s, complete: 50%}
  raise: "> 75"
  clear: "< 60"
  for: 1s
  severity: major
  text: {zh: "PM2.5 过高", en: "PM2.5 too high"}
"""


ANY = {"schema": "lamppost.error/1", "code": "refused", "exit": 1, "cure": ""}
HOOK = {"name": "bureau", "kind": "webhook"}


class Busy(Receiver):
    """A webhook of the city's; refuses the first call, as busy servers do."""

    def answer(self, call: BaseHTTPRequestHandler, body: bytes) -> None:
        self.mood = "ok" if self.calls else "500"
        super().answer(call, body)


def lamppost(*words: str) -> tuple[int, Any]:
    """The command line; exit code and what it said as JSON."""
    ran = typed(*words, "--json")
    return ran.returncode, json.loads(ran.stdout)


def handled_from_the_command_line(settings: Path) -> None:
    config = ("--config", str(settings))
    code, rows = lamppost("alerts", "list", *config)
    assert code == 1, "somebody must look"
    assert [(row["rule"], row["state"], row["station"]) for row in rows] == [("pm25-high", "FIRING", "lp-1 air-1")]
    alert = rows[0]["id"]
    assert lamppost("alerts", "ack", alert, "-m", "on site", "--for", "1h", "--as", "wang", *config)[0] == 0
    code, rows = lamppost("alerts", "list", *config)
    assert (code, rows[0]["state"]) == (0, "ACKED")
    assert rows[0]["who"].startswith('wang "on site" until')
    assert lamppost("alerts", "unack", alert, *config)[0] == 0
    assert lamppost("alerts", "unack", alert, *config) == (1, {**ANY, "message": "nobody has acknowledged it"})
    assert [each["rule"] for each in lamppost("alerts", "silence", "node=lp-*", "--preview", *config)[1]] == [
        "pm25-high"
    ]
    code, said = lamppost("alerts", "silence", "node=lp-2", "--for", "1h", "-m", "works", *config)
    assert (code, said["matches"]) == (0, 0)
    assert [each["name"] for each in lamppost("alerts", *config, "silences")[1]] == [said["silence"]], "before, behind"
    shown = lamppost("alerts", "show", alert, *config)[1]
    assert [deed["what"] for deed in shown["deeds"]] == ["gave back", "acknowledged"]
    assert [each["state"] for each in shown["deliveries"]] == ["delivered"]
    assert [attempt["outcome"] for attempt in shown["deliveries"][0]["attempts"]] == ["sent", "failed"]
    why = lamppost("rules", "explain", "pm25-high", "--node", "lp-1", *config)[1]
    assert [(each["state"], each["told"][0].split()[:2]) for each in why] == [("firing", ["bureau", "ok"])]
    played = lamppost("rules", "backtest", "pm25-high", "--since", "1h", *config)[1]
    assert [each["pages"] for each in played["rules"]] == [1]
    verdict = lamppost("trail", "verify", *config)
    assert verdict[0] == 0
    assert verdict[1]["lines"] == 3, "every deed stands in the audit trail"


def test_an_alert_is_told_in_four_ways(rig: Rig, closes: Closes, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    receiver = closes(Busy())
    collector = rig.collector(rules=rules, alerts={"channels": [HOOK | {"url": receiver.url}], "group": "0s"})
    collector.start()
    rig.wait_for_page()
    air = {"pm25_ugm3": 10.0}
    agent = rig.agent("lp-1", {"air-1": ("plantower-pms5003", Pms5003(lambda _: air, period_s=0.2))})
    rig.stubs.start()
    agent.start()
    retained: dict[str, dict[str, Any]] = {}
    listener = paho.Client(CallbackAPIVersion.VERSION2, "listener", protocol=paho.MQTTv5)
    listener.on_message = lambda _c, _u, m: retained.update({m.topic: json.loads(m.payload.split(b"\n", 1)[1])})
    listener.connect("127.0.0.1", rig.broker.port)
    listener.subscribe("lamppost/1/alerts/#", 1)
    listener.loop_start()

    def states() -> list[str]:
        return [row[1] for row in rig.rows("alerts", "state")]

    wait_for("readings", lambda: rig.count("air_quality") > 10, 60)
    assert states() == []
    air["pm25_ugm3"] = 180.0
    wait_for("the alert in the database", lambda: states() == ["firing"], 60)
    handled_from_the_command_line(collector.settings)
    air["pm25_ugm3"] = 10.0
    wait_for("its end in the database", lambda: states() == ["firing", "resolved"], 60)
    wait_for("both at the webhook", lambda: len(receiver.took) == 2, 60)
    wait_for("its end at the broker", lambda: [m["state"] for m in retained.values()] == ["resolved"])
    listener.loop_stop()
    agent.stop()
    told = [alert for message in receiver.took for alert in message["alerts"]]
    assert [alert["state"] for alert in told] == ["firing", "resolved"]
    assert receiver.calls == 3, "the refused call was made again"
    assert told[0]["labels"] == {"site": "test-site", "node": "lp-1", "sensor": "air-1"}
    (topic,) = retained
    assert topic == f"lamppost/1/alerts/test-site/{told[0]['fingerprint']}"
    log = collector.log.read_text()
    assert "lamppost.alerts: firing pm25-high@" in log
    assert "lamppost.alerts: resolved pm25-high@" in log
