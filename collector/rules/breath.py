"""A breath: what the engine says at once. Readings that come late change what it said before, in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.rules.standing import Standing
from collector.rules.transition import Transition, began_ms


def unheard(said: Sequence[Transition], standings: Mapping[str, Standing]) -> list[Transition]:
    """A breath without what it takes back of itself, and without what begins and ends in it and was heard before.

    An episode that is over may have been part of a longer one for a while, until a reading came that parts them again.
    Nor is it news that what is over had begun earlier: the first is taken back, and the longer one covers it.
    """
    breath = _without_retracted(said)
    ends = {each.key: n for n, each in enumerate(breath) if each.state == "resolved"}

    def is_old(n: int, each: Transition) -> bool:
        end = ends.get(each.key, -1)
        return end > n and any(each.start_ms <= ms <= breath[end].event_ms for ms in _heard(each, standings))

    return [each for n, each in enumerate(breath) if not is_old(n, each)]


def _without_retracted(breath: Sequence[Transition]) -> list[Transition]:
    """A breath without episodes that begin and are taken back in it: readings came one by one, in any order."""
    held: dict[int, Transition] = {}
    begun: dict[str, list[int]] = {}
    for n, each in enumerate(breath):
        if each.void and each.key in begun:
            for place in begun.pop(each.key):
                del held[place]
            continue
        held[n] = each
        if each.state == "firing" or each.key in begun:
            begun.setdefault(each.key, []).append(n)
    return list(held.values())


def _heard(each: Transition, standings: Mapping[str, Standing]) -> list[int]:
    """When the episodes began of which people have heard to their end, or will with the next message."""
    known = standings.get(each.fingerprint)
    if known is None:
        return []
    waits = (line.alert.key for line in known.news if line.state == "resolved")
    return [began_ms(key) for key in (*known.over, *waits)]


def beginnings(breath: Sequence[Transition]) -> list[str]:
    """For each of a breath the key of what begins next of the same alert; empty where nothing does."""
    found: list[str] = []
    nearest: dict[str, str] = {}
    for each in reversed(breath):
        found.append(nearest.get(each.fingerprint, ""))
        if each.state == "firing" and not each.late:
            nearest[each.fingerprint] = each.key
    return found[::-1]


def endings(breath: Sequence[Transition]) -> dict[tuple[str, int], int]:
    """When the episodes that end in a breath do, by fingerprint and start."""
    return {(each.fingerprint, each.start_ms): each.event_ms for each in breath if each.state == "resolved"}
