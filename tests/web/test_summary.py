"""What all stations say together is worked out once a second, for every page and every reader."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterator, Set
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from collector.web.find import leaf
from collector.web.map import Box, Map
from collector.web.readings import View
from collector.web.render import Renderer
from collector.web.site import Station
from collector.web.summary import Summary
from collector.web.views import Views
from collector.web.words import Language
from tests.web.city import City

T = TypeVar("T")


class _Counted(list[T]):
    """Stations that know how often somebody went through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[T]:
        self.walks += 1
        return super().__iter__()


@pytest.mark.parametrize("template", ["city.html", "live.html"])
def test_a_second_page_goes_through_no_station_again(tmp_path: Path, template: str) -> None:
    city = City(tmp_path)
    site = city.site()
    views = _Counted[View](Views(site)._look(city.stations))
    renderer, summary = Renderer(site), Summary(views, site)
    pager = {"leaf": leaf({}, city.stations, 12), "reports": None, "changes": None, "events": None, "path": "/"}
    told = {"summary": summary, "cards": [], "changed": [], "alerts": [], "city": True, "safe": False, "maps": True}

    first = renderer.page(template, "zh", **told, **pager, store_down=False)
    walked = views.walks
    second = renderer.page(template, "en", **told, **pager, store_down=False)

    assert walked > 0
    assert views.walks == walked
    assert "建国路东口" in first
    assert "Jianguo Rd East" in second
    city.close()


class _Drawn(Summary):
    """It knows how often a part of a page asked where the stations stand."""

    asked = 0

    def map(self, box: Box, gone: Collection[str] = ()) -> Map | None:
        self.asked += 1
        return super().map(box, gone)


def test_a_map_is_drawn_once_for_all_pages_that_show_it_in_one_language(tmp_path: Path) -> None:
    city = City(tmp_path)
    site = city.site()
    renderer, summary = Renderer(site), _Drawn(Views(site)._look(city.stations), site)
    shared: dict[str, Any] = {
        "reports": None,
        "changes": None,
        "events": None,
        "path": "/",
        "summary": summary,
        "cards": [],
    }
    shared |= {"changed": [], "alerts": [], "city": True, "safe": False, "store_down": False, "maps": True}

    def shown(language: Language, wanted: str = "") -> tuple[str, int]:
        before, pager = summary.asked, leaf({"find": wanted}, city.stations, 12)
        page = renderer.page("city.html", language, leaf=pager, **shared)
        found = re.search(r'<div data-live="map">.*?</div>', page, re.DOTALL)
        assert found
        return found[0], summary.asked - before

    first, asked = shown("zh")
    assert asked > 0
    assert shown("zh", "lp-0001") == (first, 0), "another page of the same city"
    other, asked = shown("en")
    assert asked > 0
    assert "Jianguo Rd East" in other
    assert "Jianguo Rd East" not in first
    city.close()


def test_who_reads_of_one_station_does_not_wait_for_all(tmp_path: Path) -> None:
    """Of ten thousand each page went through all several times: two hundred readers waited for half a minute."""
    city = City(tmp_path)
    every = _Counted[Station](city.stations)
    site = replace(city.site(), stations=lambda: every)
    seen = Views(site)
    for node in ("lp-0001", "lp-0002") * 5:
        asyncio.run(seen.fresh([node]))
        assert site.station(node) is not None
    assert every.walks == 1
    city.close()


def test_two_minutes_are_no_hour_to_begin_the_page_with(tmp_path: Path) -> None:
    """GB 3095-2026 Table 4: an hour is one from 45 minutes on. A box just switched on is not the city's highest."""
    now_ms = 1_790_000_000_000
    city = City(tmp_path, now_ms)
    city.write("lp-0002", "air-1", "air_quality", [now_ms - 60_000, now_ms - 1000], {"pm25_ugm3": [300.0, 300.0]})

    def highest() -> str | None:
        found = Summary(Views(city.site())._look(city.stations), city.site()).highest
        return None if found is None else found.station.node

    assert highest() == "lp-0002", "there is no other"
    times = list(range(now_ms - 50 * 60_000, now_ms, 10_000))
    city.write("lp-0001", "air-1", "air_quality", times, {"pm25_ugm3": [20.0] * len(times)})
    assert highest() == "lp-0001"
    city.close()


def test_the_first_sentence_calls_two_minutes_no_mean_of_sixty(tmp_path: Path) -> None:
    city = City(tmp_path, 1_790_000_000_000)
    times = [city.started_ms - 61_000, city.started_ms - 1000]
    city.write("lp-0002", "air-1", "air_quality", times, {"pm25_ugm3": [300.0, 300.0]})
    site = city.site()
    summary, renderer = Summary(Views(site)._look(city.stations), site), Renderer(site)
    told = {"summary": summary, "changed": [], "alerts": [], "city": True, "store_down": False, "maps": False}
    assert "微克/立方米</span>（2 分钟的平均，暂定）" in renderer.page("live.html", "zh", **told)
    assert "µg/m³</span> (mean of 2 min, provisional)" in renderer.page("live.html", "en", **told)
    city.close()


def test_a_summary_is_kept_for_a_second_but_not_past_a_new_station(tmp_path: Path) -> None:
    city = City(tmp_path)
    seen = Views(city.site())
    asyncio.run(seen.fresh({"lp-0001"}))
    first = seen.summary(age_s=60)

    assert seen.summary(age_s=60) is first
    assert seen.summary(age_s=0) is not first

    asyncio.run(seen.fresh({"lp-0002"}))
    assert [view.station.node for view in seen.summary(age_s=60).views] == ["lp-0001", "lp-0002"]
    city.close()


def test_after_the_clock_was_set_back_a_station_is_shown_as_it_is_now(tmp_path: Path) -> None:
    """It was shown as it had been an hour ago until the clock came there again."""
    city = City(tmp_path, 1_790_000_000_000)
    seen = Views(city.site())
    asyncio.run(seen.fresh({"lp-0001"}, age_s=0))
    city.started_ms -= 3_600_000
    city.stations[0] = replace(city.stations[0], online=False)
    (view,) = asyncio.run(seen.fresh({"lp-0001"}, age_s=0))
    assert (view.now_ms, view.station.online) == (city.started_ms, False)
    city.close()


def test_a_look_at_the_city_that_breaks_is_not_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no thread was to be had for a moment, map and first sentence knew nothing new until the next start."""
    monkeypatch.setattr("collector.web.views.ROUND_S", 0.0)
    city = City(tmp_path)
    seen, breaks = Views(city.site()), [RuntimeError("can't start new thread")]
    look = seen._look

    def broken_once(stations: list[Station]) -> list[View]:
        if breaks:
            raise breaks.pop()
        return look(stations)

    monkeypatch.setattr(seen, "_look", broken_once)

    async def until_looked() -> None:
        running = asyncio.create_task(seen.run())
        async with asyncio.timeout(30):
            while not seen.all() and not running.done():
                await asyncio.sleep(0.01)
        assert not running.done()
        running.cancel()

    asyncio.run(until_looked())
    assert "can't start new thread" in caplog.text
    city.close()


def test_who_waits_for_a_look_is_looked_for_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    city = City(tmp_path)
    seen, looks = Views(city.site()), list[set[str]]()
    look = seen._look

    def counted(stations: list[Station]) -> list[View]:
        looks.append({station.node for station in stations})
        return look(stations)

    monkeypatch.setattr(seen, "_look", counted)

    async def four_readers() -> list[list[View]]:
        wanted: list[Set[str]] = [{"lp-0001"}, {"lp-0002"}, {"lp-0003"}, {"lp-0002", "lp-0003"}]
        return await asyncio.gather(*(seen.fresh(nodes, age_s=60) for nodes in wanted))

    found = asyncio.run(four_readers())
    assert [len(views) for views in found] == [1, 1, 1, 2]
    assert looks == [{"lp-0001"}, {"lp-0002", "lp-0003"}], "those who came meanwhile share one"
    city.close()
