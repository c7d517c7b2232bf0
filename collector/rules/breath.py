"""A breath: what the engine says at once. Readings that come late change what it said before, in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.rules.standing import Standing
from collector.rules.transition import Transition


def unheard(breath: Sequence[Transition], standings: Mapping[str, Standing]) -> list[Transition]:
    """A breath without what begins and ends in it and was heard before, to its end.

    An episode that is over may have been part of a longer one for a while, until a reading came that parts them again.
    """
    ends = {each.key: n for n, each in enumerate(breath) if each.state == "resolved"}

    def is_old(n: int, each: Transition) -> bool:
        known = standings.get(each.fingerprint)
        return known is not None and each.key in known.over and ends.get(each.key, -1) > n

    return [each for n, each in enumerate(breath) if not is_old(n, each)]


def beginnings(breath: Sequence[Transition]) -> list[str]:
    """For each of a breath the key of what begins next of the same alert; empty where nothing does."""
    found: list[str] = []
    nearest: dict[str, str] = {}
    for each in reversed(breath):
        found.append(nearest.get(each.fingerprint, ""))
        if each.state == "firing" and not each.late:
            nearest[each.fingerprint] = each.key
    return found[::-1]
