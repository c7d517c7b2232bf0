"""The file of mosquitto's plugin is gone, as after a power cut of a disk that lies; stations are not to be visited."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.identity.city import City
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
        (city.broker.folder / "dynamic-security.json").write_text("")
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
