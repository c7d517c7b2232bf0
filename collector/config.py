"""The collector's settings: read once, by the command line, from one YAML file. `config.sample.yaml` is the manual."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from collector.alerts.settings import Alerts, Url
from collector.numbers.quality import Limits
from collector.numbers.reporting import GasState, Reporting, ReportingOf, Standard
from collector.stations.places import Place, Places
from collector.zones import zone_of
from common.field_types import Broker, FilePath, Host, Name, NodeName, Port
from common.strict_model import Strict, misplaced, word
from wire.quantities import QUANTITIES

SAMPLE = Path(__file__).with_name("config.sample.yaml")
CANARY: Final = "canary-"
"""Begins the name of a collector's canary, as a node."""


Zone = Annotated[str, AfterValidator(lambda value: zone_of(value).key)]


class SqliteStore(Strict):
    """One file; no server needed."""

    kind: Literal["sqlite"]
    path: FilePath = Path("/var/lib/lamppost/readings.db")


class Influx1Store(Strict):
    """InfluxDB 1.x."""

    kind: Literal["influx1"]
    url: Url = "http://127.0.0.1:8086"
    database: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")] = "lamppost"
    username: str | None = None
    password_file: FilePath | None = None


class Influx2Store(Strict):
    """InfluxDB 2 or 3."""

    kind: Literal["influx2"]
    url: Url = "http://127.0.0.1:8086"
    bucket: str = "lamppost"
    org: str = "lamppost"
    token_file: FilePath


class WebTls(Strict):
    """Certificate and key of the pages."""

    cert: FilePath
    key: FilePath


class MapGround(Strict):
    """What lies under the stations on the map: a GeoJSON file of the city's own, and the words its licence wants."""

    file: FilePath
    attribution: str = Field(min_length=1, max_length=200)


class Web(Strict):
    """The pages. On loopback until somebody decides otherwise."""

    host: Host = "127.0.0.1"
    port: Port = 8080
    hosts: list[Host] = Field(default=[])
    tls: WebTls | None = None
    title_zh: str = "城市街道感知"
    title_en: str = "Street sensing"
    time_zone: Zone = "Asia/Shanghai"
    contact: str = ""
    source_url: Url | Literal[""] = ""
    map: MapGround | None = None


class Identities(Strict):
    """The authority's folder, and the door at which devices enrol. `lamppost collector init --tls` writes all of it."""

    folder: FilePath
    broker_host: Host
    broker_port: Port = 8883
    host: Host = "127.0.0.1"
    port: Port = 8443


class MetricsAt(Strict):
    """Where Prometheus may scrape; on loopback until somebody decides otherwise."""

    host: Host = "127.0.0.1"
    port: Port


class Push(Strict):
    """A citizen's sensor that pushes by itself: the place it stands for, and the secret that its owner was given."""

    site: Name
    secret_file: FilePath


class Station(Strict):
    """How people call a node, where it stands, and what it reports: the first standard is the one it is known by."""

    node: NodeName
    zh: str
    en: str
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)
    standards: list[Standard] = Field(default=["china"], min_length=1)
    time_zone: Zone | None = None
    gas_state: GasState = "25C"
    labels: dict[Name, str] = Field(default={})
    within_m: int | None = Field(default=None, ge=1, le=50_000)
    push: Push | None = None


class Config(Strict):
    """Everything the collector needs to know."""

    name: Name = "c1"
    broker: Broker = Broker()
    store: SqliteStore | Influx1Store | Influx2Store = Field(discriminator="kind")
    state_file: FilePath = Path("/var/lib/lamppost/collector.db")
    signing_key_file: FilePath | None = None
    series_per_node: int = Field(default=200, ge=1, le=10_000)
    rate_per_node: int = Field(default=2_000, ge=100, le=1_000_000)
    quarantine_mib: int = Field(default=512, ge=1, le=100_000)
    quarantine_per_node_mib: int = Field(default=64, ge=1, le=100_000)
    rules: list[FilePath] = Field(default=[])
    alerts: Alerts = Alerts()
    web: Web = Web()
    metrics: MetricsAt | None = None
    identities: Identities | None = None
    stations: list[Station] = Field(default=[])
    quality: dict[str, Limits] = Field(default={})

    @model_validator(mode="before")
    @classmethod
    def _of_the_command(cls, data: Any) -> Any:
        if isinstance(data, dict) and "workers" in data:
            raise misplaced("no setting: lamppost collector run FILE --workers 3   (docs/scaling.md)", "workers")
        return data

    @field_validator("quality")
    @classmethod
    def _known_quantities(cls, value: dict[str, Limits]) -> dict[str, Limits]:
        for name in value:
            if name not in QUANTITIES:
                raise PydanticCustomError("quantity", "{text}", {"text": word(name, QUANTITIES)})
        return value

    @model_validator(mode="after")
    def _a_node_each(self) -> Config:
        first: dict[str, int] = {}
        for at, station in enumerate(self.stations):
            if first.setdefault(station.node, at) != at:
                text = f"{station.node} stands at stations[{first[station.node]}] already; keep one of the two"
                raise misplaced(text, "stations", at, "node")
        return self

    @model_validator(mode="after")
    def _a_file_each(self) -> Config:
        files = {"state_file": self.state_file, "the desk's": self.desk_file}
        if isinstance(self.store, SqliteStore):
            files["store.path"] = self.store.path
        if len({each.resolve() for each in files.values()}) < len(files):
            names = ", ".join(f"{name} {each}" for name, each in files.items())
            raise misplaced(f"two have one file: {names}; give each its own", "state_file")
        return self

    @property
    def desk_file(self) -> Path:
        """What people decide and citizens write: accounts, tokens, reports, the trail."""
        return self.state_file.with_name("desk.db")

    def places(self) -> Places:
        """Labels and coordinates of the stations, by node."""
        return {each.node: Place(each.labels, each.lat, each.lon) for each in self.stations}

    def has_no_disk(self, node: str) -> bool:
        """Whether a node keeps nothing over a restart: a citizen's sensor, or the canary of a collector."""
        return node.startswith(CANARY) or any(each.node == node and each.push is not None for each in self.stations)

    def reporting(self) -> ReportingOf:
        """What the station of a node reports; a node that is not listed reports as China does.

        Stations that report alike have one object between them: a page of thousands tells them apart by it.
        """
        city = ZoneInfo(self.web.time_zone)
        default = Reporting(city)
        ways, known = {default: default}, {}
        for station in self.stations:
            zone = city if station.time_zone is None else ZoneInfo(station.time_zone)
            way = Reporting(zone, tuple(station.standards), station.gas_state)
            known[station.node] = ways.setdefault(way, way)
        return lambda node: known.get(node, default)
