"""Who is refused a part of what it wants to hear is not connected, and asks again."""

from __future__ import annotations

from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from collector.broker.link_311 import Link311
from common.settings import BrokerAddress
from wire import names


class Client:
    """Notes what it is asked to subscribe."""

    def __init__(self) -> None:
        self.subscribed: list[list[str]] = []

    def subscribe(self, topics: list[tuple[str, Any]]) -> None:
        self.subscribed.append([topic for topic, _ in topics])

    def connect_async(self, *_: object) -> None: ...


GRANTED = ReasonCode(PacketTypes.SUBACK, "Granted QoS 1")
REFUSED = ReasonCode(PacketTypes.SUBACK, "Unspecified error")
CONNECTED = ReasonCode(PacketTypes.CONNACK, "Success")
HUNG_UP = ReasonCode(PacketTypes.DISCONNECT, "Unspecified error")


def test_a_collector_that_hears_a_part_only_is_not_connected_and_asks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seen with a broker cluster that had just lost a node: the births were refused, the batches granted."""
    monkeypatch.setattr("collector.broker.link_311.SUBSCRIBE_AGAIN_S", 0.0)
    link, client = Link311(BrokerAddress("127.0.0.1", 1, protocol="3.1.1"), "c1"), Client()
    link._client = client  # type: ignore[assignment]
    link._aim()
    link._on_connect(client, None, None, CONNECTED, None)  # type: ignore[arg-type]
    assert link.connection is None, "nothing is granted yet"
    link._on_subscribe(None, None, 1, [GRANTED, REFUSED, GRANTED, GRANTED], None)
    assert link.connection is None
    link.wait(0)
    first, second = client.subscribed
    assert first == second
    assert names.replay("+") in first
    link._on_subscribe(None, None, 2, [GRANTED] * 4, None)
    assert link.connection == 1
    link.wait(0)
    assert len(client.subscribed) == 2


def test_a_broker_that_hangs_up_without_a_word_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """mosquitto does so when it keeps no retained messages: the log said nothing at all."""
    link = Link311(BrokerAddress("127.0.0.1", 1, protocol="3.1.1"), "c1")
    link._client = Client()  # type: ignore[assignment]
    link._aim()
    for _ in range(3):
        link._on_disconnect(None, None, None, HUNG_UP, None)
    assert [record.getMessage() for record in caplog.records] == [
        "broker 127.0.0.1:1 hangs up on us without a reason; its log may have it"
    ]
