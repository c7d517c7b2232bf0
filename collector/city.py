"""The collector's knowledge as the pages want it: stations and alerts behind one `Site`."""

from __future__ import annotations

import time
from collections.abc import Callable

from collector.alerting import Alerting
from collector.config import Config
from collector.config import Station as Named
from collector.health import Health
from collector.registry import Node, Registry
from collector.stores.store import Store
from collector.web.feed import Feed
from collector.web.site import Sensor, Site, Station

LOOPBACK = ("127.0.0.1", "localhost")


def site(
    config: Config, store: Store, registry: Registry, alerting: Alerting, feed: Feed, health: Callable[[], Health]
) -> Site:
    """What the pages need; each callable is quick and safe to call from any thread."""
    known = {station.node: station for station in config.stations}

    def stations() -> list[Station]:
        heard = {node.birth.node: node for node in registry.nodes()}
        return [_station(name, heard.get(name), known) for name in sorted(known.keys() | heard.keys())]

    return Site(
        store=store,
        stations=stations,
        alerts=alerting.current,
        now_ms=lambda: time.time_ns() // 1_000_000,
        feed=feed,
        health=health,
        time_zone=config.web.time_zone,
        title_zh=config.web.title_zh,
        title_en=config.web.title_en,
        desk=config.state_file.with_name("desk.db"),
        reporting=config.reporting(),
        hosts=(*LOOPBACK, *config.web.hosts),
    )


def _station(name: str, node: Node | None, known: dict[str, Named]) -> Station:
    label = known.get(name) or Named(node=name, zh=name, en=name)
    if node is None:
        return Station(name, "", label.zh, label.en, lat_deg=label.lat, lon_deg=label.lon)
    birth = node.birth
    return Station(
        node=name,
        site=birth.site,
        name_zh=label.zh,
        name_en=label.en,
        sensors=tuple(Sensor(sensor.name, sensor.profile) for sensor in birth.sensors),
        lat_deg=label.lat,
        lon_deg=label.lon,
        online=node.online,
        since_ms=node.since_ms,
        clock=birth.clock,
        oldest_unsent_ms=birth.oldest_ms,
        version=birth.version,
        vitals=birth.vitals,
    )
