"""The real servers of simulator/servers.py, where tests look for them."""

from simulator.programs import free_port
from simulator.servers import (
    Alertmanager,
    Influxd,
    Mosquitto,
    Nats,
    Server,
    ServerTrouble,
    Victoria,
    executable,
    listens,
    nats_cluster,
    wait_for,
)

__all__ = [
    "Alertmanager",
    "Influxd",
    "Mosquitto",
    "Nats",
    "Server",
    "ServerTrouble",
    "Victoria",
    "executable",
    "free_port",
    "listens",
    "nats_cluster",
    "wait_for",
]
