"""paho clients for the smaller programs beside the collector: protocol, user, certificates, addresses as set."""

from __future__ import annotations

from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from common.settings import BrokerAddress
from wire.exits import Exit, Failure, reason

KEEPALIVE_S = 30


def make_client(broker: BrokerAddress, client_id: str, **more: Any) -> paho.Client:
    """A client that is not connected yet; its session begins anew with each connection."""
    old: dict[str, Any] = {"clean_session": True} if broker.protocol == "3.1.1" else {}
    protocol = paho.MQTTv311 if old else paho.MQTTv5
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=protocol, **old, **more)
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls is not None:
        client.tls_set_context(broker.tls())
    return client


def connect(client: paho.Client, broker: BrokerAddress) -> None:
    """Connect to the first address that answers. Raises Failure when none does."""
    errors = []
    for host, port in broker.addresses():
        try:
            client.connect(host, port, KEEPALIVE_S)
        except OSError as error:
            errors.append(f"broker {host}:{port} does not answer: {reason(error)}")
        else:
            return
    raise Failure(Exit.NETWORK, "broker-down", "; ".join(errors), "is it running?")
