"""Takes the pictures under docs/pages: python -m tests.web.pictures docs/pages"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import sync_playwright

from collector.numbers.calibration import Record
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from collector.web.site import Sensor, Station
from tests.web.city import City
from tests.web.conftest import CHROMIUM, FLAGS
from tests.web.served import Served
from tests.web.year import write_minutes, write_year
from wire.times import DAY_MS, MINUTE_MS

MILD = 0.18  # of the real year, which ends in smog: so that it leads to what the sensors say now

PUBLIC = {"city": "/", "station-year": "/en/station/lp-0001?span=year", "wall": "/wall"}
INSIDE = {
    "ops": "/ops",
    "ops-station": "/en/ops/station/lp-0001",
    "ops-data": "/en/ops/data?q=highest&since=30d",
    "ops-maintenance": "/ops/maintenance",
    "ops-deliveries": "/en/ops/deliveries",
}


def main(folder: Path) -> None:
    """Serve the tests' city and take the pictures that docs/pages.md and README.md show."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place, sync_playwright() as driver:
        city = City(Path(place))
        city.fill_an_hour()
        dress(city)
        served = Served(city)
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        wide = browser.new_context(viewport={"width": 1100, "height": 800})
        for name, path in PUBLIC.items():
            take(wide, served, path, folder / f"{name}.png")
        take(wide, served, "/en/", folder / "city-en-top.png", whole=False)  # the README's first screen
        phone = browser.new_context(viewport={"width": 360, "height": 740})
        take(phone, served, "/", folder / "city-phone.png")
        dark = browser.new_context(viewport={"width": 1100, "height": 800}, color_scheme="dark")
        take(dark, served, "/", folder / "city-dark.png")
        enter(wide, served)
        for name, path in INSIDE.items():
            take(wide, served, path, folder / f"{name}.png")
        browser.close()
        served.server.stop()
        city.close()


def dress(city: City) -> None:
    """What a city has after a year: a past, calibrations, reports with answers, changes; and two more stations."""
    now_ms = city.started_ms
    names = (("lp-0004", "东直门", "Dongzhimen", 39.941, 116.428), ("lp-0005", "望京街", "Wangjing St", 39.998, 116.47))
    for number, (node, zh, en, lat, lon) in enumerate(names):
        city.stations.append(
            Station(node, "s", zh, en, (Sensor("air-1", "sensirion-sps30@1"),), lat, lon, 3.5, True, clock="synced")
        )
        times = list(range(now_ms - 60 * MINUTE_MS, now_ms, 10_000))
        wave = [18 + 70 * number + 6 * math.sin(n / 40 + number) for n in range(len(times))]
        city.write(node, "air-1", "air_quality", times, {"pm25_ugm3": wave, "pm10_ugm3": [v * 1.5 for v in wave]})
        city.write(node, "weather-1", "weather", [now_ms - 4000], {"temp_c": [4.2], "rh_pct": [76.0 - 20 * number]})
    city.roll_up()
    for node in ("lp-0001", "lp-0002"):
        write_year(city.store, node, now_ms, MILD)
        write_minutes(city.store, node, now_ms, MILD)
    city.records.append(
        Record("lp-0001", "air-1", "pm25_ugm3", now_ms - 40 * DAY_MS, now_ms, "li", "linear", 0.83, 1.2)
    )
    file = DeskFile(city.desk)
    reports = Reports(file)
    first = reports.submit("lp-0002", "stale", "The display has stood still since noon.", "", now_ms - DAY_MS)
    reports.answer(
        first, "已派人检查电源，周三前修复。 Power is being checked; repaired by Wednesday.", True, "li", now_ms
    )
    reports.submit("lp-0001", "values", "Too high beside the building site?", "", now_ms - 3 * 3_600_000)
    reports.add_change(
        "lp-0001", "recalibrated", "与国控站并行比对两周", "two weeks beside a reference station", now_ms - 40 * DAY_MS
    )
    reports.add_change("lp-0004", "installed", "新装", "new", now_ms - 3 * DAY_MS)
    file.close()
    plan = {"match": "node=lp-0004 rule=*", "note": "换杆 new mast", "who": "li", "once": False}
    city.duty.ask("silence", plan | {"start_ms": now_ms + DAY_MS, "end_ms": now_ms + DAY_MS + 7_200_000})


def take(context: Any, served: Served, path: str, file: Path, whole: bool = True) -> None:
    page = context.new_page()
    page.goto(served.url(path))
    page.wait_for_selector("body:not([data-events]), .link[data-state=connected]")
    page.screenshot(path=str(file), full_page=whole)
    page.close()


def enter(context: Any, served: Served) -> None:
    page = context.new_page()
    page.goto(served.url(served.app.state.setup_path))
    for following in ("**/login", "**/ops"):
        page.fill("input[name=name]", "li")
        page.fill("input[name=password]", "correct horse battery")
        page.click("main button")
        page.wait_for_url(following)
    page.close()


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    main(words.parse_args().folder)
