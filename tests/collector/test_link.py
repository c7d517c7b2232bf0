"""Who is refused a part of what it wants to hear is not connected, and asks again."""

from __future__ import annotations

from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from collector.link import Link
from device_profiles.settings import BrokerAddress


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


@pytest.mark.parametrize(("protocol", "topics"), [("5", 3), ("3.1.1", 4)])
def test_a_collector_that_hears_a_part_only_is_not_connected_and_asks_again(
    protocol: str, topics: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen with a broker cluster that had just lost a node: the births were refused, the batches granted."""
    monkeypatch.setattr("collector.link.SUBSCRIBE_AGAIN_S", 0.0)
    link, client = Link(BrokerAddress("127.0.0.1", 1, protocol=protocol), "c1"), Client()
    link._client = client  # type: ignore[assignment]
    link._aim()
    link._on_connect(client, None, None, CONNECTED, None)  # type: ignore[arg-type]
    assert link.connection is None, "nothing is granted yet"
    link._on_subscribe(None, None, 1, [GRANTED, REFUSED, GRANTED], None)
    assert link.connection is None
    link.wait(0)
    assert [len(asked) for asked in client.subscribed] == [topics, topics]
    link._on_subscribe(None, None, 2, [GRANTED, GRANTED, GRANTED], None)
    assert link.connection == 1
    link.wait(0)
    assert len(client.subscribed) == 2
