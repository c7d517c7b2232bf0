"""An episode: from a firing to its end, as the transitions of one key tell it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from collector.rules.transition import Transition


class Episode(NamedTuple):
    """One run of one alert: from `start_ms` the condition held, at `fired_ms` it fired, at `end_ms` it was resolved."""

    key: str
    rule: str
    start_ms: int
    fired_ms: int
    end_ms: int | None
    late: bool


def episodes(transitions: Iterable[Transition]) -> list[Episode]:
    """The episodes that a stream of transitions tells, by start; what was told twice or taken back counts once or not.

    An episode is late when nothing but history was told of its firing.
    """
    found: dict[str, Episode] = {}
    for each in transitions:
        known = found.get(each.key)
        if each.void:
            found.pop(each.key, None)
        elif each.state == "firing":
            late = each.late and (known is None or known.late)
            found[each.key] = Episode(each.key, each.rule, each.start_ms, each.event_ms, None, late)
        elif known is not None:
            found[each.key] = known._replace(end_ms=each.event_ms)
    return sorted(found.values(), key=lambda episode: (episode.start_ms, episode.key))
