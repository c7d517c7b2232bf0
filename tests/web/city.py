"""A small city for the tests: three stations in a real SQLite store, an hour of air and traffic, two alerts."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collector.city import titles, warm_ups
from collector.delivery.gaps import gaps
from collector.files.statedb import open_state
from collector.health.health import Health
from collector.notify.grant import Grants
from collector.numbers.calibration import Record
from collector.numbers.quality import Quality
from collector.numbers.reporting import Reporting, reports_as_china
from collector.numbers.rollups import Rollups
from collector.numbers.window_book import WindowBook
from collector.stores.sqlite import Sqlite
from collector.stores.store import Select, Series, Stored, StoreDown, Table
from collector.web.backdrop import Backdrop
from collector.web.feed import Feed
from collector.web.site import AlertView, Sensor, Site, Station, Watched
from device_profiles.catalogue import load as load_catalogue
from tests.stored import put
from tests.web.duty import DutyDesk
from wire.quantities import QUANTITIES
from wire.times import MINUTE_MS

CATALOGUE = load_catalogue()
SENSORS = (
    Sensor("air-1", "plantower-pms5003@1"),
    Sensor("air-2", "nova-sds011@1"),
    Sensor("radar-1", "omnipresense-ops243a@1"),
)


class City:
    """Holds what a collector would hold, and lets a test move it."""

    def __init__(self, folder: Path, now_ms: int | None = None) -> None:
        self.started_ms = now_ms if now_ms is not None else time.time_ns() // 1_000_000
        self.store = Sqlite(folder / "readings.sqlite")
        assert self.store.prepare() == Stored()
        self.grants: Grants | None = None
        self.health = Health(True, "active", {})
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.records: list[Record] = []
        self.frames: list[Any] = []
        self.checks: list[Any] = [
            {"id": "config.valid", "state": "ok", "text": "3 sensors", "cure": ""},
            {
                "id": "clock.sync",
                "state": "warn",
                "text": "no NTP for 2 h",
                "cure": "check the network's time server",
                "text_zh": "2 小时没有 NTP",
                "cure_zh": "检查网络的时间服务器",
            },
        ]
        self.levels: list[Watched] = [Watched("pm25_ugm3", 75.0, 60.0, "pm25-hourly-high")]
        self.reports: dict[str, Reporting] = {}
        self._state = open_state(folder / "collector.sqlite")
        self._rollups = Rollups(self.store, WindowBook(self._state), self.reporting, Quality({}))
        self.feed = Feed()
        self.desk = folder / "desk.sqlite"
        self.fixed = now_ms is not None
        self.backdrop: Backdrop | None = None
        self.stations = [
            Station(
                "lp-0001",
                "jianguo-rd-east",
                "建国路东口",
                "Jianguo Rd East",
                SENSORS,
                39.908,
                116.461,
                3.2,
                online=True,
                clock="synced",
                last_ms=self.started_ms - 3000,
            ),
            Station(
                "lp-0002", "xueyuan-rd", "学院路", "Xueyuan Rd", (Sensor("air-1", "nova-sds011@1"),), 39.99, 116.35,
                online=False, since_ms=self.started_ms - 7 * MINUTE_MS, last_ms=self.started_ms - 8 * MINUTE_MS,
            ),
            Station("lp-0003", "chaoyang-gate", "朝阳门", "Chaoyang Gate", (), 39.924, 116.434),
        ]  # fmt: skip
        self.alerts = [
            AlertView(
                "f1", "firing", "major", "pm25-hourly-high", "PM2.5 小时均值过高", "PM2.5 hourly mean too high",
                "lp-0001", self.started_ms - 4 * MINUTE_MS, "pm25_ugm3", 91.4, 75.0, "µg/m³",
            ),
            AlertView(
                "f2", "resolved", "minor", "station-silent", "站点失联", "Station silent",
                "lp-0002", self.started_ms - 40 * MINUTE_MS,
            ),
        ]  # fmt: skip
        self.duty = DutyDesk(self.started_ms, self.alerts[0])

    def now_ms(self) -> int:
        return self.started_ms if self.fixed else time.time_ns() // 1_000_000

    def reporting(self, node: str) -> Reporting:
        return self.reports.get(node) or reports_as_china(node)

    def site(self) -> Site:
        return Site(
            self.store,
            lambda: list(self.stations),
            lambda: list(map(self.duty.on, self.alerts)),
            self.now_ms,
            self.feed,
            desk=self.desk,
            reporting=self.reporting,
            watched=lambda _: list(self.levels),
            corrections=lambda node: [record for record in self.records if record.node == node],
            titles=titles(CATALOGUE),
            warm_up_s=warm_ups(CATALOGUE),
            gaps=lambda node, since_ms: gaps(self.store, since_ms, self.now_ms(), {}, {}, node),
            ask=self.ask,
            duty=self.duty,
            grants=self.grants,
            health=lambda: self.health,
            backdrop=self.backdrop,
        )

    def lose_database(self) -> None:
        """From now on no question is answered, whichever thread asks: open readers would still see a deleted file."""

        def gone(_: Select) -> list[Series]:
            raise StoreDown("the database is away")

        self.store.select = gone  # type: ignore[method-assign,assignment]

    def hang_database(self) -> threading.Event:
        """From now on no question comes to an end, until this event is set."""
        answers, select = threading.Event(), self.store.select

        def hang(question: Select) -> list[Series]:
            answers.wait(60)
            return select(question)

        self.store.select = hang  # type: ignore[method-assign]
        return answers

    def ask(self, node: str, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What a node would answer."""
        self.asked.append((node, verb, arguments))
        if verb == "frames":
            return {"ok": True, "sensors": self.frames}
        return {"ok": True, "checks": self.checks} if verb == "doctor" else {"ok": True}

    def close(self) -> None:
        self.store.close()
        self._state.close()

    def write(self, node: str, sensor: str, measurement: str, times_ms: list[int], columns: Mapping[str, Any]) -> None:
        """Store rows of one series."""
        whole = frozenset(
            name for name in columns if name in ("cq", "qc") or (name in QUANTITIES and QUANTITIES[name].whole)
        )
        tags = [("node", node), ("sensor", sensor), ("site", next(s.site for s in self.stations if s.node == node))]
        if measurement == "traffic_flow":
            tags += [("direction", "in"), ("lane", "1")]
        table = Table(measurement, tuple(sorted(tags)), times_ms, dict(columns), whole)
        put(self.store, table)
        self._rollups.observe([table], self.started_ms)

    def roll_up(self) -> None:
        """Make minutes, hours, days and indices of all that was written."""
        for _ in range(5000):
            self._rollups.step(self.started_ms)
            if not self._rollups.waiting(self.started_ms):
                return
        raise AssertionError("roll-ups do not come to an end")

    def fill_an_hour(self) -> None:
        """Air every 10 s and traffic every minute at the first station; at the second, air until 8 minutes ago."""
        now_ms = self.started_ms
        times = list(range(now_ms - 60 * MINUTE_MS, now_ms, 10_000))
        wave = [60 + 30 * math.sin(n / 50) + 4 * math.sin(n * 1.7) for n in range(len(times))]
        self.write(
            "lp-0001",
            "air-1",
            "air_quality",
            times,
            {"pm25_raw_ugm3": [v * 1.2 for v in wave], "pm25_ugm3": wave, "pm10_ugm3": [v * 1.4 for v in wave]},
        )
        self.write("lp-0001", "air-2", "air_quality", times, {"pm25_raw_ugm3": [v * 0.85 + 3 for v in wave]})
        minutes = list(range(now_ms // MINUTE_MS * MINUTE_MS - 59 * MINUTE_MS, now_ms - MINUTE_MS, MINUTE_MS))
        counts = [round(14 + 9 * math.sin(n / 9)) for n in range(len(minutes))]
        counts[20:30] = [1, 0, 0, 1, 0, 0, 1, 0, 0, 0]  # a quiet while: at least one window of under five
        self.write(
            "lp-0001",
            "radar-1",
            "traffic_flow",
            minutes,
            {
                "count": counts,
                "heavy_count": [n // 6 for n in counts],
                "speed_tms_kmh": [48 - n / 2 for n in counts],
                "duration_s": [60.0] * len(minutes),
            },
        )
        self.write("lp-0001", "weather-1", "weather", [now_ms - 5000], {"temp_c": [-0.04], "rh_pct": [45.0]})
        week_ago = now_ms - 7 * 24 * 60 * MINUTE_MS - 30 * MINUTE_MS
        self.write(
            "lp-0001",
            "radar-1",
            "traffic_flow",
            [week_ago],
            {"count": [25], "heavy_count": [9], "speed_tms_kmh": [33.0], "duration_s": [60.0]},
        )
        old = [time_ms for time_ms in times if time_ms < now_ms - 8 * MINUTE_MS]
        self.write("lp-0002", "air-1", "air_quality", old, {"pm25_raw_ugm3": [22.0 + n % 5 for n in range(len(old))]})
        self.roll_up()
