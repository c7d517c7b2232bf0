"""200 people read the public page while 10,000 stations report: how long does a page take?

    python -m benchmarks.visitors [--visitors 200] [--streams 50] [--seconds 10] [--port 8080] [--stations 10000]

Prints one JSON object; ends with 1 when the 95th percentile is not under `p95_ms_max`. With --port the readers visit a
collector that runs already; without, a server of twelve stations with the news of ten thousand. They load the front
page again and again. With --stations they look around: every second page is one of the list or one of a station, by
chance, each is read for ten seconds, and nearly each is made for one reader alone, which may take a second. Readers,
server and news share this machine's cores, so the figure is an upper bound.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import random
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.alerts.alerting import Alerting, Telling
from collector.alerts.on_duty import OnDuty
from collector.clock import wall_ms
from collector.files.statedb import open_state
from collector.rules.policy import Policy
from collector.stores.sqlite import Sqlite
from collector.stores.store import Table
from collector.web.app import create_app
from collector.web.desk.file import DeskFile
from collector.web.feed import Feed
from collector.web.server import WebServer
from collector.web.site import Site, Station
from wire.times import HOUR_MS

STATIONS = 10_000
SHOWN = 12
P95_MS_MAX, P95_MS_MAX_AROUND = 300, 1000
PAUSE_S = 2.0
READ_S = 10.0


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("visitors", 200), ("streams", 50), ("seconds", 10), ("port", 0), ("stations", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wants = parser.parse_args()
    if wants.port:
        times_s = _read(wants, wants.port)
    else:
        with TemporaryDirectory() as folder:
            times_s = _own(wants, Path(folder))
    times_s.sort()
    p95_ms = round(1000 * times_s[int(0.95 * len(times_s))])
    p95_ms_max = P95_MS_MAX_AROUND if wants.stations else P95_MS_MAX
    told = {"visitors": wants.visitors, "streams": wants.streams, "pages": len(times_s)}
    told |= {"p50_ms": round(1000 * times_s[len(times_s) // 2]), "p95_ms": p95_ms, "p95_ms_max": p95_ms_max}
    print(json.dumps(told))
    return int(p95_ms >= p95_ms_max)


def _own(wants: argparse.Namespace, folder: Path) -> list[float]:
    """Serve a small city and read it."""
    store, feed, ending = Sqlite(folder / "readings.sqlite"), Feed(), threading.Event()
    stations = _stations(store)
    desk, state = folder / "desk.db", folder / "state.db"
    alerting = Alerting([], open_state(state), store, Telling(Policy(), {}), [], wall_ms(), DeskFile(desk), {})
    site = Site(
        store, lambda: stations, alerting.current, wall_ms, feed, desk, OnDuty(alerting, state, wall_ms),
        lambda _node, _since_ms: [], lambda _node, _verb, _asked: {},
    )  # fmt: skip
    server = WebServer(create_app(site), "127.0.0.1", 0)
    server.start()
    _background(lambda: _report(feed, ending))
    try:
        return _read(wants, int(server.url.rstrip("/").rpartition(":")[2]))
    finally:
        ending.set()
        server.stop()
        store.close()


def _read(wants: argparse.Namespace, port: int) -> list[float]:
    """Seconds of each page of all visitors, while some keep their pages open."""
    ending = threading.Event()
    for _ in range(wants.streams):
        _background(lambda: _stream(port, ending))
    try:
        return _visits(port, wants)
    finally:
        ending.set()


def _stations(store: Sqlite) -> list[Station]:
    """A small city with an hour of readings; the other stations of the 10,000 report without being looked at."""
    store.prepare()
    now_ms = time.time_ns() // 1_000_000
    times = list(range(now_ms - HOUR_MS, now_ms, 10_000))
    stations = []
    for n in range(SHOWN):
        node = f"lp-{n:05d}"
        stations.append(Station(node, f"site-{n}", f"站{n}", f"Station {n}", (), 39.9 + n / 500, 116.4 + n % 5 / 90))
        wave = [40 + 20 * math.sin(i / 50 + n) for i in range(len(times))]
        tags = (("node", node), ("sensor", "air-1"), ("site", f"site-{n}"))
        store.write(store.render(Table("air_quality", tags, times, {"pm25_raw_ugm3": wave})))
    return stations


def _report(feed: Feed, ending: threading.Event) -> None:
    """The news of 10,000 stations, one each ten seconds."""
    while not ending.wait(0.5):
        for n in range(0, STATIONS, 20):
            feed.publish({"type": "readings", "node": f"lp-{n % SHOWN:05d}"})


def _stream(port: int, ending: threading.Event) -> None:
    nodes = ",".join(f"lp-{n:05d}" for n in range(SHOWN))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/events?page=city&nodes={nodes}")
    answer = connection.getresponse()
    while not ending.is_set() and answer.read1(65536):
        pass
    connection.close()


def _visits(port: int, wants: argparse.Namespace) -> list[float]:
    times_s: list[float] = []
    until_s = time.monotonic() + wants.seconds
    pause_s = READ_S if wants.stations else PAUSE_S

    def visit(number: int) -> None:
        time.sleep(random.random() * pause_s)
        while time.monotonic() < until_s:
            address = ("" if number % 2 else "/en") + _somewhere(wants.stations)
            started_s = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", address, headers={"Accept-Encoding": "gzip"})
            connection.getresponse().read()
            connection.close()
            times_s.append(time.monotonic() - started_s)
            time.sleep(pause_s)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(wants.visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times_s


def _somewhere(stations: int) -> str:
    """The front page, or as often a page of the list or of a station when there are `stations` to look at."""
    if not stations or random.random() < 0.5:
        return "/"
    if random.random() < 0.5:
        return f"/?page={random.randint(1, max(1, stations // SHOWN))}"
    return f"/station/lp-{random.randrange(stations):05d}"


def _background(work: object) -> None:
    threading.Thread(target=work, daemon=True).start()  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
