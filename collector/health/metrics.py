"""Prometheus metrics of one collector, and of the nodes as it last heard of them.

Served on an address of its own (`metrics:` in the settings), never beside the public pages.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, ProcessCollector, make_asgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as Source
from starlette.applications import Starlette
from starlette.routing import Mount

from collector.clock import wall_ms
from collector.report.changes import retired

if TYPE_CHECKING:
    from collector.collector import Collector
    from collector.delivery.registry import Node

_PARTS = {
    "ingest": "Batches and rows, by what became of them.",
    "link": "What happened on the connection to the broker.",
    "rollups": "Windows, by what became of them.",
    "messages": "Messages that were no batch of a node, by reason.",
}
_WATCHED: Final = {"quarantined_batches": 0, "quarantined_rows": 0}
"""Told from the start: to Prometheus what is there first with 1 has not increased, and a rule watches these."""


class Metrics(Source):
    """Reads the collector at each scrape; nothing is counted twice and nothing is kept."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        c = self._collector
        ingest = Counter({**_WATCHED, **c.ingest.counts})
        counts = {"ingest": ingest, "link": c.link.counts, "rollups": c.rollups.counts, "messages": c.counts}
        for part, about in _PARTS.items():
            yield _counter(f"lamppost_{part}", about, counts[part])
        health = c.health()
        yield _gauge("lamppost_alive", "1 while the ingest goes round.", health.alive)
        yield _gauge("lamppost_broker_connected", "1 while the broker is connected.", "broker" not in health.wrong)
        yield _gauge("lamppost_database_ready", "1 while the database takes writes.", "database" not in health.wrong)
        yield _gauge("lamppost_active", "1 on the collector that works, 0 on one that stands by.", c.turn.active)
        yield _gauge("lamppost_alarms", "What the ingest complains of at the moment.", len(c.ingest.alarms))
        yield _gauge("lamppost_pending_rows", "Rows taken and not yet in the database.", c.ingest.pending_rows())
        alerts = GaugeMetricFamily("lamppost_alerts", "Alerts by state.", labels=["state"])
        states = Counter(alert.state for alert in c.alerting.current())
        for state in ("pending", "firing"):
            alerts.add_metric([state], states[state])
        yield alerts
        gone = set[str]()
        with suppress(OSError, sqlite3.Error):  # then those that were put out are missed until the next scrape
            gone = retired(c.config)
        yield from _nodes([node for node in c.registry.nodes() if node.birth.node not in gone], wall_ms())


def _nodes(nodes: list[Node], now_ms: int) -> Iterator[Metric]:
    online = GaugeMetricFamily("lamppost_node_online", "1 while the node's link is up.", labels=["node", "site"])
    since = GaugeMetricFamily(
        "lamppost_node_link_seconds", "How long the node's link has been as it is.", labels=["node", "site"]
    )
    for node in nodes:
        labels = [node.birth.node, node.birth.site]
        online.add_metric(labels, float(node.online))
        since.add_metric(labels, (now_ms - node.since_ms) / 1000)
    yield online
    yield since


def _counter(name: str, about: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(name, about, labels=["what"])
    for what, count in sorted(dict(counts).items()):
        family.add_metric([what], count)
    return family


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, float(value))


def create_metrics_app(collector: Collector) -> Starlette:
    """The application that answers scrapes."""
    registry = CollectorRegistry()
    registry.register(Metrics(collector))
    ProcessCollector(registry=registry)
    return Starlette(routes=[Mount("/", make_asgi_app(registry))])
