"""paho clients for the smaller programs beside the collector: protocol, user, certificates, addresses as set."""

from __future__ import annotations

import ssl
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from common.settings import BrokerAddress
from wire.exits import Exit, Failure, reason

KEEPALIVE_S = 30
_CURES = {
    "expired": "sudo lamppost collector init --renew, where init made its certificate; else whoever did",
    "not yet valid": "is the clock right? date",
}
_NOT_OURS = "is it ours? its certificate must be for broker.host, and by broker.tls.ca"


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
    errors, cure = [], ""
    for host, port in broker.addresses():
        try:
            client.connect(host, port, KEEPALIVE_S)
        except OSError as error:
            errors.append(f"broker {host}:{port} does not answer: {reason(error)}")
            cure = _cure(error)
        else:
            return
    raise Failure(Exit.NETWORK, "broker-down", "; ".join(errors), cure)


def _cure(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return next((cure for said, cure in _CURES.items() if said in error.verify_message), _NOT_OURS)
    return "is that its TLS port?" if isinstance(error, ssl.SSLError) else "is it running?"
