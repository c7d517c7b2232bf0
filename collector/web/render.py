"""Templates: one environment, escaping everything, and the parts that both pages and live messages are made of."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from collector.rules.silences import UNTIL_RESOLVED_MS
from collector.web import alert_lists, card_charts, chart, map
from collector.web.desk.handling import LENGTHS_MS
from collector.web.levels import LEVELS
from collector.web.site import Site
from collector.web.words import Language, Words

HERE = Path(__file__).parent

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
            air_chart=card_charts.air,
            traffic_chart=card_charts.traffic,
            ground_of=lambda drawn: site.backdrop.address(drawn.frame) if site.backdrop is not None else None,
            map_boxes=(map.WIDE, map.NARROW),
            maps_both_max=map.BOTH_MAX,
            small=chart.SMALL,
            wide=chart.WIDE,
            levels=LEVELS,
            alerts_first=alert_lists.ALERTS_FIRST,
            alerts_max=alert_lists.ALERTS_MAX,
            wall_alerts_max=alert_lists.WALL_ALERTS_MAX,
            until_resolved_ms=UNTIL_RESOLVED_MS,
            lengths=tuple(LENGTHS_MS),
            ages=True,  # a live message leaves them out
            put_out=frozenset,  # stations that are out of service; the application knows them
            asked={},  # what a page's address asks for, which the same page in another language is asked too
        )
        lists = alert_lists.told_once, alert_lists.entries, alert_lists.heaps, alert_lists.on_desk, alert_lists.pressing
        self._templates.filters.update({each.__name__: each for each in (*lists, folded)})
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


def folded(page: Markup) -> Markup:
    """Where there is a script, forms are text until one is opened: over six hundred a browser takes two seconds."""
    start, end = Markup("<form "), Markup("</form>")
    return page.replace(start, Markup("<noscript>") + start).replace(end, end + Markup("</noscript>"))
