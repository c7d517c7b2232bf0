"""The file of mosquitto's plugin is gone, as after a power cut of a disk that lies; stations are not to be visited."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from collector.commands.options import open_desk
from collector.identity.office import enrolment
from collector.identity.registrar import BrokerSilent
from edge_agent.identity.enrol import new_request
from tests.identity.city import City
from tests.servers import wait_for
from wire import names

pytestmark = pytest.mark.real


def test_who_was_in_is_in_again_and_who_was_out_is_not(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.start()
    try:
        for node in ("lp-1", "lp-2"):
            city.enrol(node)
        assert city.office("stations", "retire", "lp-2").returncode == 0
        city.broker.stop()
        rules = city.broker.folder / "dynamic-security.json"
        rules.write_bytes(rules.read_bytes()[:3000])
        city.broker.start()
        told = "subscription: not authorized; its rights at the broker: has mosquitto lost its rules?"
        wait_for("the collector to say what helps", lambda: told in city.collector.log.read_text())
        asked = city.lamppost("collector", "status", str(city.settings))
        assert "does not let us listen. Cure: its rights at the broker: has mosquitto lost its rules?" in asked.stderr
        refused = city.office("stations", "retire", "lp-2")
        assert "command it; its rights at the broker: has mosquitto lost its rules?" in refused.stderr
        city.broker.stop()
        rules.write_text("")
        made = city.lamppost("collector", "init", str(city.plan.folder), "--new-broker-rules")
        assert made.returncode == 0, made.stderr
        city.broker.start()
        inside, outside, collector = city.client("lp-1"), city.client("lp-2"), city.client("c1", "c1.test")
        assert inside.publish(names.data("lp-1"))
        assert not inside.publish(names.data("lp-2"))
        assert collector.subscribe(names.data("+"))
        assert not outside.is_in or not outside.publish(names.data("lp-2"))
        for each in (inside, outside, collector):
            each.close()
    finally:
        city.close()


def test_nobody_is_let_in_while_mosquitto_would_lose_its_rules(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes over them, and on a full disk half of them: at its next start it refused the whole city."""
    monkeypatch.setattr("collector.identity.registrar.disk_usage", lambda _: SimpleNamespace(free=4096))
    with open_desk(city.settings) as (settings, file), pytest.raises(BrokerSilent, match="make room"):
        enrolment(settings, file).accept("lp-9", new_request("lp-9", tmp_path), "anna", 1)
