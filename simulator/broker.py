"""An embedded MQTT 5 broker for the demo: rumqttd in a process of its own, on loopback."""

from __future__ import annotations

from pathlib import Path

from iotcore import Broker

_SETTINGS = """
id = 0
[router]
id = 0
max_connections = 1010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 1048576
    max_inflight_count = 100
"""


def embedded(folder: Path, port: int) -> Broker:
    """A broker that listens on loopback after `start()`. Raises OSError when the port is taken."""
    settings = folder / "broker.toml"
    settings.write_text(_SETTINGS.format(port=port))
    return Broker(config_path=str(settings))
