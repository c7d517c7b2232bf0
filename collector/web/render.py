"""Templates: one environment, escaping everything, and the parts that both pages and live messages are made of."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from collector.rules.silences import UNTIL_RESOLVED_MS
from collector.web import chart, map
from collector.web.air import FINE_MS
from collector.web.desk.handling import LENGTHS_MS
from collector.web.levels import LEVELS
from collector.web.privacy import FEW, WINDOW_MS
from collector.web.readings import YOUNG_MS, View
from collector.web.site import AlertView, Site
from collector.web.words import Language, Words
from wire.times import HOUR_MS, MINUTE_MS

HERE = Path(__file__).parent
_STATES = {"firing": 0, "pending": 1, "resolved": 2}
HEAP_MIN, HEAP_MAX = 3, 200
ALERTS_FIRST, ALERTS_MAX = 4, 50
"""Entries that stand on a page at once, and at most when it is opened: the stations are what people came for."""
WALL_ALERTS_MAX = 3
DESK_ALERTS_MAX = 200  # a thousand are 2.4 MB, renewed every second or two
_SEVERITIES = ("critical", "major", "minor", "warning", "info")


_CODE: dict[str, bytes] = {}
"""What this program has compiled, however many applications it makes."""


class Compiled(FileSystemBytecodeCache):
    """Templates are compiled once, as modules are, and kept beside those; where nothing may be kept, once a program.

    To compile them all takes as long as to import everything else.
    """

    def __init__(self, folder: str, code: dict[str, bytes]) -> None:
        super().__init__(folder)
        self._code = code

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])
        else:
            with suppress(OSError):
                super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()
        if not sys.dont_write_bytecode:
            with suppress(OSError):  # what is installed may be another user's
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


class Renderer:
    """Turns views into HTML. Holds no state but the compiled templates."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=Compiled(str(HERE / "__pycache__"), _CODE),
            auto_reload=False,  # an upgrade under a running program must not mix new templates with old code
        )
        self._templates.globals.update(
            air_chart=air_chart,
            traffic_chart=traffic_chart,
            ground_of=lambda drawn: site.backdrop.address(drawn.frame) if site.backdrop is not None else None,
            map_boxes=(map.WIDE, map.NARROW),
            maps_both_max=map.BOTH_MAX,
            small=chart.SMALL,
            wide=chart.WIDE,
            levels=LEVELS,
            alerts_first=ALERTS_FIRST,
            alerts_max=ALERTS_MAX,
            wall_alerts_max=WALL_ALERTS_MAX,
            until_resolved_ms=UNTIL_RESOLVED_MS,
            lengths=tuple(LENGTHS_MS),
            ages=True,  # a live message leaves them out
            put_out=frozenset,  # stations that are out of service; the application knows them
            asked={},  # what a page's address asks for, which the same page in another language is asked too
        )
        self._templates.filters["told_once"] = told_once
        self._templates.filters["entries"] = entries
        self._templates.filters["heaps"] = heaps
        self._templates.filters["on_desk"] = on_desk
        self._templates.filters["folded"] = folded
        self._templates.filters["pressing"] = pressing
        self._words: dict[Language, Words] = {
            "zh": Words("zh", site.time_zone, site.now_ms),
            "en": Words("en", site.time_zone, site.now_ms),
        }

    def warm_up(self) -> None:
        """Compile everything, so that nobody's page waits for it."""
        for name in self._templates.list_templates():
            self._templates.get_template(name)

    def offer(self, **helpers: Any) -> None:
        """Functions that templates may call; given before the first page is made."""
        self._templates.globals.update(helpers)

    def words(self, language: Language) -> Words:
        return self._words[language]

    def page(self, name: str, language: Language, **values: Any) -> str:
        """A whole page or a part of one, from the template of that name."""
        now_ms = self._site.now_ms()
        return self._templates.get_template(name).render(
            w=self._words[language],
            site=self._site,
            now_ms=now_ms,
            stations=self._site.by_node(),
            **values,
        )


def pressing(views: Sequence[View], alerts: Sequence[AlertView]) -> list[View]:
    """Stations that need somebody first: where an alert fires, the severest first."""
    worst: dict[str, int] = {}
    for alert in alerts:
        if alert.state == "firing":
            worst[alert.node] = min(_severity(alert), worst.get(alert.node, len(_SEVERITIES)))
    return sorted(views, key=lambda view: worst.get(view.station.node, len(_SEVERITIES) + 1))


def sort_alerts(alerts: Sequence[AlertView]) -> list[AlertView]:
    """Firing first, then the severest, then the newest."""

    def rank(alert: AlertView) -> tuple[int, int, int]:
        return _STATES[alert.state], _severity(alert), -alert.since_ms

    return sorted(alerts, key=rank)


def _severity(alert: AlertView) -> int:
    return _SEVERITIES.index(alert.severity) if alert.severity in _SEVERITIES else len(_SEVERITIES)


def told_once(alerts: Sequence[AlertView]) -> list[tuple[AlertView, int]]:
    """What is said of a station in the same words is said once, with the highest value and how often it was."""
    told: dict[tuple[str, str, str, str], list[AlertView]] = {}
    for alert in alerts:
        told.setdefault((alert.state, alert.severity, alert.node, alert.text_zh), []).append(alert)
    return [
        (max(same, key=lambda one: -math.inf if one.value is None else one.value), len(same)) for same in told.values()
    ]


def entries(alerts: Sequence[AlertView]) -> list[list[tuple[AlertView, int]]]:
    """The entries of a list of alerts: one a station, but one for all where a rule has several, their highest first.

    When dust comes over a city, that is one thing that happens, and not forty.
    """
    rules: dict[tuple[str, str, str], list[tuple[AlertView, int]]] = {}
    for one, often in told_once(alerts):
        rules.setdefault((one.state, one.severity, one.rule), []).append((one, often))
    found: list[list[tuple[AlertView, int]]] = []
    for told in rules.values():
        if len({one.node for one, _ in told}) >= HEAP_MIN:
            found.append(sorted(told, key=lambda each: -math.inf if each[0].value is None else -each[0].value))
        else:
            found += [[each] for each in told]
    return found


def heaps(alerts: Sequence[AlertView]) -> list[list[AlertView]]:
    """Firing alerts that nobody has, of one rule each, where one rule has several: the order is the list's."""
    found: dict[str, list[AlertView]] = {}
    for alert in alerts:
        if alert.attention == "open":
            found.setdefault(alert.rule, []).append(alert)
    return [some[:HEAP_MAX] for some in found.values() if len(some) >= HEAP_MIN]


def on_desk(alerts: Sequence[AlertView]) -> list[AlertView]:
    """The alerts that the desk lists: first those that nobody has, as `lamppost alerts` does; not all of too many."""
    return sorted(alerts, key=lambda one: one.attention != "open")[:DESK_ALERTS_MAX]


def folded(page: Markup) -> Markup:
    """Where there is a script, forms are text until one is opened: over six hundred a browser takes two seconds."""
    start, end = Markup("<form "), Markup("</form>")
    return page.replace(start, Markup("<noscript>") + start).replace(end, end + Markup("</noscript>"))


def next_open(alerts: Sequence[AlertView], done: AlertView) -> AlertView:
    """Where an operator goes on: what nobody has follows in the desk's list, or comes before; else it stays."""
    listed = [one for one in sort_alerts(alerts) if one.attention == "open"]
    at = next((n for n, one in enumerate(listed) if one.fingerprint == done.fingerprint), None)
    return done if at is None else (listed[at + 1 :] + listed[:at][-1:] + [done])[0]


def air_chart(view: View, alerts: Sequence[AlertView]) -> chart.Chart:
    """PM2.5 of every sensor of a station, by minute, or by ten seconds while the station is young."""
    young = _is_young(view)
    series = [
        (air.sensor, [(t, v) for t, v in (air.fine if young else air.by_minute) if t >= view.since_ms])
        for air in view.pm25
    ]
    limits = [
        alert.threshold
        for alert in alerts
        if alert.node == view.station.node
        and alert.state != "resolved"
        and alert.threshold is not None
        and (alert.quantity or "").startswith("pm25")
    ]
    return chart.lines(series, _frame(view), 2 * (FINE_MS if young else MINUTE_MS), min(limits, default=None))


def traffic_chart(view: View) -> chart.Chart:
    """Vehicles by window; a hidden count is drawn as high as the most it can be, hatched."""
    assert view.traffic is not None
    told = view.traffic.windows
    windows = [(each.start_ms, each.told.values["count"]) for each in told if each.start_ms + WINDOW_MS > view.since_ms]
    in_part = {each.start_ms for each in told if each.in_part}
    return chart.bars(windows, WINDOW_MS, _frame(view), FEW - 1, in_part)


def _is_young(view: View) -> bool:
    return view.now_ms - view.since_ms <= YOUNG_MS


def _frame(view: View) -> chart.Frame:
    """The last hour, or the first minutes of a young station."""
    return chart.Frame(view.since_ms, view.since_ms + (YOUNG_MS if _is_young(view) else HOUR_MS))
