"""A year through the whole chain: Beijing Wanliu 2016 from sensor bytes to daily indices in InfluxDB.

    stub's bytes > Sensor > Recorder > Spool > Delivery, Uplink > mosquitto > Collector > InfluxDB > air_index

The product's own objects in one process; every one takes its time from the simulated clock, and the two bounds that
refuse 2016 as a wrong clock are moved. Particles come as frames of an SDS011, one a minute; the gases, for which there
is no serial sensor here, as readings of a virtual node. Where the data has no value of one pollutant the sensor shows
full scale, which the station's settings call out of range; where it has neither, it is silent.
"""

from __future__ import annotations

import asyncio
import csv
import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from collector.collector import Collector
from collector.config import Config
from collector.pipeline import OwnPipeline
from collector.stores.influx1 import Influx1
from common.settings import BrokerAddress
from device_profiles.catalogue import load as load_catalogue
from edge_agent.delivery.delivery import Delivery
from edge_agent.delivery.uplink import Uplink
from edge_agent.reading import Reading, Series
from edge_agent.recorder import Now, Recorder
from edge_agent.sensors.sensor import Sensor
from edge_agent.spool.spool import Spool
from firmware_stubs.nova import Sds011
from measures import china_aqi
from measures.gases import CHINA_25C, MOLAR_MASS_G_MOL, ppb_from_ugm3
from simulator.replay import BEIJING
from tests.servers import Influxd, Mosquitto
from tests.stored import rows
from wire import status
from wire.times import HOUR_MS, MINUTE_MS

pytestmark = [pytest.mark.real, pytest.mark.long]

STEP = 8 * HOUR_MS  # one batch of each node
FULL_SCALE = 1e9
GASES = {"no2_ugm3": "no2_raw_ppb", "so2_ugm3": "so2_raw_ppb", "o3_ugm3": "o3_raw_ppb", "co_ugm3": "co_raw_ppm"}
VECTORS = Path(__file__).parents[1] / "measures" / "domain_vectors.json"
Hour = dict[str, float]


def wanliu() -> dict[int, Hour]:
    """Start of each hour in UTC milliseconds to what it has."""
    with BEIJING.open(newline="") as rows:
        return {
            round(datetime.fromisoformat(row["time_local"]).timestamp() * 1000): {
                name: float(value) for name, value in row.items() if name.endswith("_ugm3") and value
            }
            for row in csv.DictReader(rows)
        }


class Node:
    """One agent without ports: its recorder, spool, delivery and connection."""

    def __init__(self, name: str, folder: Path, port: int, sensors: list[Sensor]) -> None:
        self.recorder = Recorder(
            name, "wanliu", "b71d04c2", sensors, lambda: Spool(folder / f"{name}.db", name, "wanliu")
        )
        self.recorder.timeline.floor_ms = 0
        self.delivery = Delivery(self.recorder.spool, random.Random(1), connect_pause_s=0)
        self.uplink = Uplink(
            BrokerAddress("127.0.0.1", port), name, self.delivery, lambda: self._birth(name), lambda _verb, _body: None
        )

    def _birth(self, name: str) -> status.Birth:
        spool = self.recorder.spool
        return status.Birth(name, "wanliu", "0" * 16, (spool.spool_id,), spool.next_seq, None, "0.1.0", "synced")

    def keep(self, readings: list[Reading], now_ms: int) -> None:
        """What the agent does every second and every `seal_s`, done once a simulated quarter of a day."""
        self.recorder.keep(readings)
        self.recorder.commit(Now(now_ms, now_ms, True))
        self.recorder.seal()
        self.uplink.wake()

    def waits(self) -> bool:
        return self.recorder.spool.depth().rows > 0


def settle(sensor: Sensor, stub: Sds011, t_s: float) -> None:
    """What the agent and its sensor say to each other before the first reading counts."""
    sensor.begin(t_s, t_s - 3600)
    while not sensor.poller.settled:
        heard = stub.tick(t_s) + b"".join(stub.receive(ask.data) for ask in sensor.poller.due(t_s))
        sensor.feed(heard, round(t_s * 1000), t_s)
        t_s += 1


def frames(stub: Sds011, sensor: Sensor, hours: dict[int, Hour], start_ms: int) -> Iterator[Reading]:
    """A while of the serial sensor, one frame a minute; true values swing by 0.1 so that none stands still."""
    for hour_ms in range(start_ms, start_ms + STEP, HOUR_MS):
        hour = hours.get(hour_ms, {})
        if "pm25_ugm3" not in hour and "pm10_ugm3" not in hour:
            continue
        for minute in range(60):
            time_ms = hour_ms + minute * MINUTE_MS
            swing = 0.1 if minute % 2 else -0.1
            stub.world = lambda _t, h=hour, s=swing: {  # type: ignore[misc,method-assign]
                name: h[name] + s if name in h else FULL_SCALE for name in ("pm25_ugm3", "pm10_ugm3")
            }
            yield from sensor.feed(stub.tick(time_ms / 1000), time_ms, time_ms / 1000)


def gases(hours: dict[int, Hour], start_ms: int) -> Iterator[Reading]:
    """A while of the virtual node, in the units of gas sensors; 45 minutes of each hour, which just make it valid."""
    series = Series("gas-1", "air_quality", (), None)
    for hour_ms in range(start_ms, start_ms + STEP, HOUR_MS):
        hour = hours.get(hour_ms, {})
        values: dict[str, float | int] = {}
        for name, raw in GASES.items():
            if name in hour:
                gas = name.partition("_")[0].upper()
                ppb = ppb_from_ugm3(hour[name], MOLAR_MASS_G_MOL[gas], CHINA_25C)
                values[raw] = ppb / 1000 if raw.endswith("ppm") else ppb
        if values:
            yield from (Reading(series, hour_ms + minute * MINUTE_MS, values) for minute in range(45))


def settings(folder: Path, broker: Mosquitto, database: Influxd) -> Config:
    station = {"zh": "万柳", "en": "Wanliu", "standards": ["china", "china-2026"]}
    return Config.model_validate(
        {
            "broker": {"port": broker.port},
            "store": {"kind": "influx1", "url": database.url, "database": "lamppost"},
            "state_file": folder / "collector.db",
            "stations": [station | {"node": "lp-pm"}, station | {"node": "lp-gas"}],
            "quality": {name: {"range": [0.0, 999.0]} for name in ("pm25_ugm3", "pm10_ugm3")},
        }
    )


async def replay(folder: Path, broker: Mosquitto, database: Influxd) -> Collector:
    hours = wanliu()
    start_ms = min(hours)
    sensor, stub = Sensor("air-1", load_catalogue().get("nova-sds011")), Sds011()
    settle(sensor, stub, start_ms / 1000 - 3600)
    nodes = {"lp-pm": Node("lp-pm", folder, broker.port, [sensor]), "lp-gas": Node("lp-gas", folder, broker.port, [])}
    for node in nodes.values():
        node.recorder.commit(Now(start_ms, start_ms, True))
    collector = Collector(settings(folder, broker, database))
    assert isinstance(collector.pipeline, OwnPipeline)
    collector.pipeline.ingest.time_min_ms = 0
    collector.store.prepare()
    collector.link.start()
    uplinks = [asyncio.create_task(node.uplink.run()) for node in nodes.values()]
    for from_ms in range(start_ms, max(hours) + HOUR_MS, STEP):
        now_ms = from_ms + STEP
        nodes["lp-pm"].keep(list(frames(stub, sensor, hours, from_ms)), now_ms)
        nodes["lp-gas"].keep(list(gases(hours, from_ms)), now_ms)
        while any(node.waits() for node in nodes.values()):
            now_ms += 20  # whoever was asked to come later must see time pass
            collector.step(now_ms)
            await asyncio.sleep(0.001)
    for task in uplinks:
        task.cancel()
    await asyncio.gather(*uplinks, return_exceptions=True)
    for _ in range(20):
        now_ms += HOUR_MS
        collector.step(now_ms)
    assert not collector.pipeline.rollups.waiting(now_ms)
    for node in nodes.values():
        node.recorder.spool.close()
    return collector


def counts(store: Influx1, pollutant: str, edition: str) -> dict[str, int]:
    """Days by category, read off the stored daily indices."""
    field = pollutant.lower().replace(".", "") + "_index"
    on = date(2026, 3, 1) if edition == "2026" else date(2016, 1, 1)
    days = rows(store, "air_index", field, period="1d", edition=edition)
    return dict(Counter(china_aqi.category(value, on).category for _, value in days if value is not None))


def test_beijing_wanliu_2016_gives_the_categories_of_both_editions(tmp_path: Path) -> None:
    broker, database = Mosquitto(tmp_path / "mosquitto"), Influxd(tmp_path / "influxd")
    broker.start()
    database.start()
    collector = asyncio.run(replay(tmp_path, broker, database))
    store = Influx1(database.url, "lamppost")
    try:
        vectors = json.loads(VECTORS.read_text())["vectors"]
        wanted = [each for each in vectors if each["function"] == "cn_daily_category_counts"]
        assert len(wanted) >= 4
        for each in wanted:
            for standard, expected in each["expect"].items():
                found = counts(store, each["input"]["pollutant"], standard.rpartition("-")[2])
                assert found == {word: n for word, n in expected.items() if n}, (each["id"], standard)
        readings = rows(store, "air_quality", "pm25_ugm3", "qc", "qc_code")
        peak = [row for row in readings if row[1] is not None and 956 < row[1] < 958]
        assert len(peak) == 60  # the fireworks night stays
        assert all(row[2] < 4 or "pm25" not in row[3] for row in peak)
        hours = rows(store, "air_quality_1h", "so2_ugm3_mean", "qc_code")
        floor = [code or "" for _, so2, code in hours if so2 is not None and so2 <= 2.001]
        assert len(floor) > 147
        assert not any("so2" in code and "flat" in code for code in floor)
    finally:
        collector.link.stop()
        collector.close()
        store.close()
        broker.stop()
        database.stop()
