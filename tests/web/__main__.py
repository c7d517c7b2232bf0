"""A year of hourly data: how long do pages, API and canned questions take?

    python -m tests.web [--stations 100] [--store influx1|sqlite]

Writes a year of hours, days and indices of real air for each station, asks everything three times in a fresh server,
and prints one JSON object: the slowest of each. Ends with 1 when anything took a second or more.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from collector.clock import wall_ms
from collector.questions.canned import CANNED
from collector.stores.influx1 import Influx1
from collector.stores.sqlite import Sqlite
from collector.stores.store import Store
from collector.web.app import create_app
from collector.web.feed import Feed
from collector.web.server import WebServer
from collector.web.site import Sensor, Site, Station
from collector.web.words import Words
from tests.remains import end_with_us
from tests.servers import Influxd
from tests.web.duty import DutyDesk
from tests.web.served import Served
from tests.web.year import HOURS_A_YEAR, write_minutes, write_year
from wire.times import DAY_MS

LIMIT_S = 1.0
ROUNDS = 3
NODE = "lp-0002"


def main() -> int:
    """Write, ask, tell."""
    wants = _arguments()
    end_with_us()
    with TemporaryDirectory() as place:
        folder = Path(place)
        influxd = Influxd(folder / "influxd") if wants.store == "influx1" else None
        if influxd is not None:
            influxd.start()
        store: Store = Sqlite(folder / "readings.db") if influxd is None else Influx1(influxd.url, "year")
        store.prepare()
        try:
            told = run(store, folder, wants.stations)
        finally:
            store.close()
            if influxd is not None:
                influxd.stop()
    slowest = max(told, key=lambda what: told[what])
    print(json.dumps({"stations": wants.stations, "store": wants.store, "slowest": slowest, "s": told}))
    return int(told[slowest] >= LIMIT_S)


def run(store: Store, folder: Path, number: int) -> dict[str, float]:
    """Seconds of the slowest of three, by what was asked."""
    now_ms = wall_ms()
    stations = [
        Station(f"lp-{n:04d}", "s", f"站{n}", f"Station {n}", (Sensor("air-1", "plantower-pms5003@1"),),
                39.8 + n % 10 / 50, 116.2 + n // 10 / 40)
        for n in range(number)
    ]  # fmt: skip
    for n, station in enumerate(stations):
        write_year(store, station.node, now_ms, 0.5 + n % 10 / 10, indexed_hours=HOURS_A_YEAR)
        write_minutes(store, station.node, now_ms)
        print(f"\r{n + 1} of {number} stations", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    site = Site(
        store, lambda: stations, list, wall_ms, Feed(), folder / "desk.db", DutyDesk(wall_ms()),
        lambda _node, _since_ms: [], lambda _node, _verb, _asked: {},
    )  # fmt: skip
    server = WebServer(create_app(site), "127.0.0.1", 0)
    server.start()
    try:
        port = int(server.url.rstrip("/").rpartition(":")[2])
        return {path: _slowest(partial(_get, port, path), 1.1) for path in _paths(now_ms)} | {
            f"query {name}": _slowest(partial(_ask, store, name, now_ms)) for name in CANNED
        }
    finally:
        server.stop()


def _paths(now_ms: int) -> list[str]:
    words = Words("zh", "Asia/Shanghai", lambda: now_ms)
    since = quote(words.iso(now_ms - 365 * DAY_MS), safe="")
    spans = [f"/station/{NODE}?span={span}" for span in ("day", "week", "month", "year")]
    air = f"/api/v1/concentrations?node={NODE}&from={since}&quantity=pm25_ugm3,pm10_ugm3"
    index = f"/api/v1/indices?node={NODE}&from={since}"
    long = [f"{air}&limit=1000", f"{air}&every=1d&limit=366", f"{index}&limit=1000", f"{index}&period=1d&limit=366"]
    return ["/", "/en/", *spans, "/wall", "/data", "/api/v1/stations?limit=1000", *long]


def _get(port: int, path: str) -> None:
    answer = Served.ask(port, path)
    assert answer.status == 200, answer.text[:300]


def _ask(store: Store, name: str, now_ms: int) -> None:
    """A canned question over the year: of one station where it takes one, of all where it does not."""
    question = CANNED[name]
    given: dict[str, Any] = {"node": NODE} if "node" in question.variables and name not in ("highest",) else {}
    store.select(question.ask(now_ms - 365 * DAY_MS, now_ms, given))


def _slowest(do: Callable[[], object], pause_s: float = 0.0) -> float:
    """A page is remembered for a second: with a pause each round makes it anew."""
    times = []
    for _ in range(ROUNDS):
        started_s = time.monotonic()
        do()
        times.append(time.monotonic() - started_s)
        time.sleep(pause_s)
    return round(max(times), 3)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=100)
    parser.add_argument("--store", choices=("influx1", "sqlite"), default="influx1")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
