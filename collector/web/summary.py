"""What stations say together: worked out once, however many parts of a page and however many readers tell it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from collector.numbers.index_china import edition_day
from collector.web import map
from collector.web.readings import View
from collector.web.scales import Scale, scale_of
from collector.web.site import Site


class Summary:
    """Some stations at one time, `views` in the site's order; each answer is worked out when first asked for."""

    def __init__(self, views: Sequence[View], site: Site) -> None:
        self.views = views
        self._site = site
        self._maps: dict[map.Box, map.Map | None] = {}
        self._told: dict[tuple[str, ...], str] = {}

    @cached_property
    def newest_ms(self) -> int | None:
        """The newest reading of all, UTC ms."""
        return max((time_ms for view in self.views if (time_ms := view.latest_ms) is not None), default=None)

    @cached_property
    def live(self) -> list[View]:
        """Stations whose data is live."""
        return [view for view in self.views if view.freshness == "live"]

    @cached_property
    def highest(self) -> View | None:
        """The station with the highest hourly PM2.5 among those whose data is live; a provisional hour gives way."""
        heard = ((view.pm25[0], view) for view in self.live if view.pm25)
        return max(heard, key=lambda one: (one[0].complete, one[0].mean), default=(None, None))[1]

    @cached_property
    def scales(self) -> list[Scale]:
        """The scales that the markers speak in: that which each station is known by."""
        # A city has thousands of stations and few ways of reporting; `site.reporting` gives one object for each way.
        ways = {id(way): way for way in (self._site.reporting(view.station.node) for view in self.views)}
        found: dict[str, Scale] = {}
        for way in ways.values() or [self._site.reporting("")]:
            scale = scale_of(way.standards[0], edition_day(way.standards[0], way, self._site.now_ms()))
            found.setdefault(scale.name, scale)
        return list(found.values())

    def once(self, part: Any, *about: str) -> str:
        """A part of a page (a macro) that is the same on all pages which show this in the same way: made once."""
        key = part.name, *about
        if key not in self._told:
            self._told[key] = part(self, *about)
        return self._told[key]

    def map(self, box: map.Box, gone: Collection[str] = ()) -> map.Map | None:
        """Where the stations stand that are not `gone`; None when no place is known."""
        if box not in self._maps:
            self._maps[box] = map.draw([view for view in self.views if view.station.node not in gone], box)
        return self._maps[box]
