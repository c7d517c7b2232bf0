"""Rules that name what nobody here is called or reports. That is no fault, the station may still be on its way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from collector.commands.node import known_words
from collector.commands.options import meant
from wire.exits import Failure

if TYPE_CHECKING:
    from collector.config import Config
    from collector.rules.rule import Rule


def unwatched(settings: Config, rules: list[Rule]) -> Iterator[str]:
    """A sentence for each name in a scope of which no station, sensor or label is known, and for such a category."""
    from collector.numbers.reporting import NAMES
    from collector.rules.fields import CATEGORIES

    for what in ("site", "node", "sensor"):
        try:
            known = known_words(settings, what)
        except Failure:  # the state file is not this person's to read
            continue
        for rule in rules if known else ():
            for word in getattr(rule.scope, what):
                if not any(sign in word for sign in "*?[") and word not in known:
                    yield f"{rule.alert}: no {what} is called {word}; {meant(word, known, 'it watches none yet')}"
    for rule in rules:
        if rule.scope.labels and not any(rule.scope.fits(station.labels) for station in settings.stations):
            yield f"{rule.alert}: no station of the settings has such labels; it watches none yet"
    reported = {"china", *(standard for station in settings.stations for standard in station.standards)}
    words = {word for standard in reported for word in CATEGORIES[NAMES[standard.partition("-")[0]]]}
    for rule in rules:
        if rule.category is not None and words.isdisjoint(rule.category):
            yield f"{rule.alert}: no station of the settings reports an index of such a category"
