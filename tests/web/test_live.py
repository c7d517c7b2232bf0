"""The beat of live pages: what is told when, whatever the pace of the news."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from collector.health.health import Health, Trouble
from collector.web import feed, live
from collector.web.condition import conditions
from collector.web.live import Live, Page, Reader, Sight, parts_of, pause_s
from collector.web.render import Renderer
from collector.web.views import Views
from tests.web.city import City


@pytest.mark.parametrize(("took_s", "rests_s"), [(0.0, 1.0), (0.2, 1.0), (0.5, 2.0), (2.0, 8.0), (30.0, 10.0)])
def test_at_most_a_fifth_of_the_time_goes_into_messages(took_s: float, rests_s: float) -> None:
    assert pause_s(took_s) == rests_s


HTML = '\n<p data-live="bar">{}</p>\n<div class="a" data-live="lp-1/state">\n<b>still</b></div>\n'


def test_a_reader_is_sent_what_changed_and_who_is_slow_the_newest_only() -> None:
    async def sent() -> list[str]:
        reader = Reader(Sight("en", (), "ops"))
        stream = reader.stream()
        await anext(stream)
        told = []
        for numbers in ((1, 1), range(2, 100), (100,)):
            for number in numbers:
                reader.put(parts_of(HTML.format(number)))
            told.append((await anext(stream)).decode())
        return told

    first, late, last = asyncio.run(sent())
    assert first.count("still") == 1
    assert late == 'data: <p data-live="bar">99</p>\ndata: \n\n'
    assert last == 'data: <p data-live="bar">100</p>\ndata: \n\n'


def test_a_row_that_comes_back_as_it_was_is_told_again() -> None:
    """Whoever took it off their page has it no more."""

    async def sent() -> list[bytes]:
        reader = Reader(Sight("en", (), "ops"))
        stream = reader.stream()
        await anext(stream)
        row, told = {"row/a": "<li>a</li>"}, []
        for parts in ({"list": "a"} | row, {"list": ""}, {"list": "a"} | row):
            reader.put(parts)
            told.append(await anext(stream))
        return told

    first, gone, again = asyncio.run(sent())
    assert b"<li>" in first
    assert b"<li>" not in gone
    assert again == first


def test_no_part_of_a_message_holds_another(tmp_path: Path) -> None:
    """The map hung on the line that tells the newest reading: of 300 stations 77 kB a second went to each phone."""
    city = City(tmp_path)
    city.fill_an_hour()
    site = city.site()
    renderer = Renderer(site)
    renderer.offer(told_of=lambda _: [], batches_per_s=lambda: 0.0)

    async def shown() -> list[str]:
        beating = Live(site, renderer, Views(site))
        pages: tuple[Page, ...] = ("city", "station", "ops", "wall", "ops_station")
        readers = [beating.open(Sight("en", () if page == "ops" else ("lp-0001",), page)) for page in pages]
        await beating._beat([{"node": "lp-0001"}, {"type": "alert"}], True)
        return [part for reader in filter(None, readers) for part in reader._shows.values()]

    parts = asyncio.run(shown())
    assert len(parts) == 10 + 9 + 9 + 4 + 12
    assert [part[:60] for part in parts if part.count(" data-live=") != 1] == []
    city.close()


def test_a_map_is_told_twice_a_minute_and_not_with_every_reading(tmp_path: Path) -> None:
    """Of 300 stations it was 40 % of what a page took that was left open, for numbers that move by the hour."""
    city = City(tmp_path)
    city.fill_an_hour()
    site = city.site()
    renderer = Renderer(site)
    renderer.offer(told_of=lambda _: [], batches_per_s=lambda: 0.0)

    async def shown(refresh: bool) -> list[bool]:
        beating = Live(site, renderer, Views(site))
        readers = [beating.open(Sight("en", ("lp-0001",), page)) for page in ("city", "ops")]
        await beating._beat([{"node": "lp-0001"}], refresh)
        return ["map" in reader._shows for reader in readers if reader is not None]

    assert [asyncio.run(shown(refresh)) for refresh in (False, True)] == [[False, False], [True, True]]
    city.close()


def test_a_reader_who_is_sent_nothing_hears_that_somebody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a comment a page's script does not hear: a collector that hangs was one without news."""
    monkeypatch.setattr(live, "KEEP_ALIVE_S", 0.01)

    async def sent() -> list[bytes]:
        stream = Reader(Sight("en", (), "ops")).stream()
        return [await anext(stream) for _ in range(2)]

    assert asyncio.run(sent())[1] == b"data:\n\n"


def test_a_note_with_a_lone_carriage_return_ends_no_line_of_a_message() -> None:
    """To a browser it is one: all that came after it was lost."""

    async def sent() -> str:
        reader = Reader(Sight("en", (), "ops"))
        stream = reader.stream()
        await anext(stream)
        reader.put(parts_of(HTML.format("one\rtwo\r\nthree")))
        return (await anext(stream)).decode()

    told = asyncio.run(sent())
    assert "data: two\n" in told
    assert "\r" not in told


def test_a_message_leaves_the_ages_to_the_page(tmp_path: Path) -> None:
    """With two hundred ages in it, the list of alerts would be another one every second."""
    city = City(tmp_path, 1_790_000_000_000)
    site = city.site()
    renderer, told = Renderer(site), []

    async def beat() -> None:
        beating = Live(site, renderer, Views(site))
        reader = beating.open(Sight("en", (), "ops"))
        assert reader is not None
        for _ in range(2):
            await beating._beat([{"type": "alert"}], False)
            city.started_ms += 61_000
        async for message in reader.stream():
            told.append(message.decode())
            if len(told) == 2:
                break

    renderer.offer(told_of=lambda _: [], batches_per_s=lambda: 0.0)
    asyncio.run(beat())
    assert "Station silent" in told[1]
    assert 'data-ms="1789999760000"' in told[1]
    assert "4 min ago" not in told[1]
    city.close()


def test_however_many_citizens_read_the_desk_is_kept_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While dust comes over a city a thousand look on, and the operators' list of alerts stood still."""
    monkeypatch.setattr(live, "READERS_MAX", 1)
    city = City(tmp_path)
    beating = Live(city.site(), Renderer(city.site()), Views(city.site()))
    citizen, operator = Sight("zh", ("lp-0001",), "station"), Sight("zh", (), "ops")
    assert [beating.open(sight) is not None for sight in (citizen, citizen, operator)] == [True, False, True]
    city.close()


def test_while_the_database_is_away_open_pages_hear_of_alerts_and_the_desk_of_what_is_wrong(tmp_path: Path) -> None:
    """As long as somebody read of any station, desk and wall stood still: that the database is away was not told."""
    city = City(tmp_path)
    site = city.site()
    renderer = Renderer(site)
    renderer.offer(told_of=lambda _: [], batches_per_s=lambda: 0.0)

    async def heard() -> dict[str, str]:
        beating, told = Live(site, renderer, Views(site)), dict[str, str]()
        pages: tuple[Page, ...] = ("city", "station", "ops", "wall")
        readers = [beating.open(Sight("en", () if page == "ops" else ("lp-0001",), page)) for page in pages]
        city.lose_database()
        city.health = Health(True, "active", {"database": Trouble("database_away", "timed out")})
        await beating._beat([{"node": "lp-0001"}, {"type": "alert"}], False)
        async with asyncio.timeout(5):
            for reader in filter(None, readers):
                stream = reader.stream()
                await anext(stream)
                told[reader.looks_at.page] = (await anext(stream)).decode()
        return told

    told = asyncio.run(heard())
    assert [page for page, said in told.items() if "PM2.5 hourly mean too high" not in said] == []
    assert "timed out" in told["ops"]
    assert [page for page, said in told.items() if "database does not answer" in said] == ["city", "station", "wall"]
    city.close()


def test_an_open_page_calls_nothing_live_that_the_database_has_not_told_for_an_hour(tmp_path: Path) -> None:
    """It went on saying "live · 1 h ago", and that it updates by itself."""
    city = City(tmp_path, 1_790_000_000_000)
    city.fill_an_hour()
    site = city.site()
    views, renderer = Views(site), Renderer(site)

    async def shown() -> list[dict[str, str]]:
        beating, found = Live(site, renderer, views), []
        reader = beating.open(Sight("en", ("lp-0001",), "city"))
        assert reader is not None
        for lose in (None, city.lose_database):
            if lose is not None:
                lose()
                city.started_ms += 3_600_000
            await beating._beat([], True)
            found.append(dict(reader._shows))
        return found

    before, after = asyncio.run(shown())
    assert "live" in before["lp-0001/state"]
    assert "does not answer" not in before["trouble"]
    assert "out of date" in after["lp-0001/state"]
    assert "does not answer" in after["trouble"]
    assert "No current PM2.5" in after["headline"]
    assert "hollow" in after["map"]
    station = next(view for view in views.all() if view.station.node == "lp-0001")
    assert [one.word for one in conditions(station, 0.0, False, False)] == ["stale"], "nobody knows of a sensor's fault"
    city.close()


def test_news_that_found_no_room_are_told_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert whose news was dropped would stay on the pages until the next silence."""
    monkeypatch.setattr(live, "BEAT_S", 0.0)
    monkeypatch.setattr(feed, "Subscription", partial(feed.Subscription, queue_max=3))
    city = City(tmp_path)
    site = city.site()
    told: list[tuple[int, bool]] = []

    async def three_beats() -> None:
        beating = Live(site, Renderer(site), Views(site))
        assert beating.open(Sight("zh", ("lp-0001",), "city")) is not None
        beaten = asyncio.Event()

        async def beat(events: Sequence[Mapping[str, Any]], refresh: bool) -> None:
            told.append((len(events), refresh))
            beaten.set()

        monkeypatch.setattr(beating, "_beat", beat)
        running = asyncio.create_task(beating.run())
        await asyncio.sleep(0)
        for number in (2, 5, 1):
            for _ in range(number):
                city.feed.publish({"node": "lp-0001"})
            await beaten.wait()
            beaten.clear()
        running.cancel()

    asyncio.run(three_beats())
    assert told == [(2, False), (3, True), (1, False)]
    city.close()


def test_a_station_that_falls_silent_among_others_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody brings news of it; until it is told its card says that it is live."""
    monkeypatch.setattr(live, "pause_s", lambda _: 0.0)
    monkeypatch.setattr(live, "REFRESH_S", 0.5)
    city = City(tmp_path)
    site = city.site()

    async def until_told() -> None:
        beating = Live(site, Renderer(site), Views(site))
        reader = beating.open(Sight("en", ("lp-0001", "lp-0003"), "city"))
        assert reader is not None
        running = asyncio.create_task(beating.run())
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            async for message in reader.stream():
                if b'data-live="lp-0001/state"' in message:
                    break
                city.feed.publish({"node": "lp-0003"})
        running.cancel()

    asyncio.run(until_told())
    city.close()
