"""A station with a certificate on a line that is slower than any handshake has time for."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from collector.identity.authority import Authority, new_key, pem, pem_key, utc_now
from common.settings import BrokerAddress, load_settings
from common.tls import PatientSocket, believing
from edge_agent.delivery.delivery import Delivery
from edge_agent.delivery.uplink import Uplink
from edge_agent.identity.identity import Identity
from edge_agent.settings.config import Config
from edge_agent.setup import proof
from edge_agent.spool.spool import Spool
from tests.chaos import proxy
from tests.identity.city import City
from wire import status

IMPATIENT_S = 0.05  # a library's, for a connection


def test_a_handshake_has_more_time_than_the_library_gives_it(tmp_path: Path) -> None:
    authority, key = Authority.new("test", utc_now()), new_key()
    (tmp_path / "server.pem").write_bytes(pem_key(key) + pem(authority.sign_server(["a"], key.public_key(), utc_now())))
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), believing(cadata=authority.bundle().decode())
    server.load_cert_chain(tmp_path / "server.pem")
    client.sslsocket_class = PatientSocket
    near, far = socket.socketpair()

    def answer() -> None:
        time.sleep(4 * IMPATIENT_S)  # the line itself
        server.wrap_socket(far, server_side=True).close()

    answering = threading.Thread(target=answer)
    answering.start()
    near.settimeout(IMPATIENT_S)
    with closing(client.wrap_socket(near, server_hostname="a", do_handshake_on_connect=False)) as ours:
        ours.do_handshake()
    answering.join()


@pytest.mark.real
@pytest.mark.long
def test_it_is_let_in_at_120_bytes_a_second(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never was: a handshake had five seconds, and both certificates take fifteen."""
    monkeypatch.setattr(proxy, "BANDWIDTH_BYTES_S", 120)
    link = proxy.Link("slow", city.plan.broker_port, fault="bandwidth")
    slow = proxy.Proxy([link], random.Random(1))
    identity = Identity(city.enrol("lp-0091"))
    address = BrokerAddress("127.0.0.1", link.port, tls=identity.tls.context)

    async def tries(uplink: Uplink) -> int:
        running = asyncio.create_task(uplink.run())
        try:
            async with asyncio.timeout(120):
                while uplink.connected_since_s is None:
                    await asyncio.sleep(0.1)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return uplink.counts["disconnected"]

    slow.start()
    try:
        with closing(Spool(tmp_path / "spool.db", "lp-0091", "s")) as spool:
            birth = status.Birth("lp-0091", "s", "0" * 16, spool.spools(), 1, None, "0", "synced")
            delivery = Delivery(spool, random.Random(1))
            uplink = Uplink(address, "lp-0091", delivery, lambda: birth, lambda *_: None)
            assert asyncio.run(tries(uplink)) == 0, "at the first try"
    finally:
        slow.stop()


@pytest.mark.real
@pytest.mark.long
def test_a_set_up_is_proved_where_an_answer_takes_two_seconds(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had five for three of them, and no station on such a line could be set up."""
    monkeypatch.setattr(proxy, "LATENCY_S", (1.0, 1.0))
    link = proxy.Link("late", city.plan.broker_port, fault="latency")
    late = proxy.Proxy([link], random.Random(1))
    air = {"name": "air-1", "profile": "plantower-pms5003", "port": "/dev/a"}
    file = tmp_path / "agent.yaml"
    settings = {
        "node": "lp-0092", "site": "s", "identity": str(city.enrol("lp-0092")), "clock": {"trust": "always"},
        "broker": {"host": "127.0.0.1", "port": link.port}, "sensors": [air],
    }  # fmt: skip
    file.write_text(yaml.safe_dump(settings))
    late.start()
    try:
        answer = proof._stored_since(load_settings(Config, file, ""), time.monotonic())
    finally:
        late.stop()
    assert answer["node"] == "lp-0092"
