"""An installation reached over IPv6 alone, as `collector init --host ADDRESS` makes it; and over IPv4 as before."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette

from collector.init import Plan, everywhere, mosquitto_settings
from collector.web.server import WebServer
from common.field_types import Broker
from common.settings import broker_address
from tests.identity.city import City
from tests.servers import wait_for

HERE_6 = "::1"


def answers(host: str, port: int, path: str = "/") -> int:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.real
def test_a_node_enrols_and_connects_over_ipv6(tmp_path: Path) -> None:
    city = City(tmp_path, web={"host": HERE_6}, hosts=(HERE_6, "127.0.0.1"), listen=everywhere())
    try:
        city.start()
        told = json.loads((city.enrol("lp-0001") / "office.json").read_text())
        assert told["broker"]["host"] == HERE_6
        assert told["url"] == f"https://[{HERE_6}]:{city.plan.enrol_port}"
        with socket.create_connection((HERE_6, city.plan.broker_port), 10):
            pass
        wait_for("the first login", lambda: "first operator" in city.collector.log.read_text())
        link = city.collector.log.read_text().partition("first operator: ")[2].split()[0]
        host, _, path = link.removeprefix("http://").partition("/")
        assert host == f"[{HERE_6}]:{city.page_port}"
        assert answers(HERE_6, city.page_port, "/" + path) == 200
    finally:
        city.close()


def test_every_address_is_those_of_both_kinds() -> None:
    server = WebServer(Starlette(), "::", 0)
    server.start()
    try:
        port = int(server.url.rstrip("/").rpartition(":")[2])
        assert [answers(host, port) for host in ("127.0.0.1", HERE_6)] == [404, 404], (
            "nothing is there, and both are answered"
        )
    finally:
        server.stop()
    plan = Plan(Path("/etc/lamppost"), listen="::")
    assert "listener 8883\n" in mosquitto_settings(plan), "mosquitto takes :: for IPv6 alone"
    assert "listener 8883 127.0.0.1\n" in mosquitto_settings(replace(plan, listen="127.0.0.1"))


@pytest.mark.parametrize(
    ("other", "meant"),
    [("b.example", ("b.example", 1884)), ("b.example:1885", ("b.example", 1885)), ("[::1]", (HERE_6, 1884)),
     ("[2001:db8::5]:1885", ("2001:db8::5", 1885))],
)  # fmt: skip
def test_another_node_of_a_cluster_has_an_address_of_either_kind(other: str, meant: tuple[str, int]) -> None:
    assert broker_address(Broker(host="a", port=1884, others=[other])).others == (meant,)


@pytest.mark.parametrize("other", ["2001:db8::5", "::1:1883", "[::1]:0", "[::1]x", "b.example:", "a b"])
def test_an_address_that_can_be_read_in_two_ways_is_refused(other: str) -> None:
    with pytest.raises(ValueError, match="is wanted"):
        Broker(others=[other])
