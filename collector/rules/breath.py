"""A breath: what the engine says at once. Readings that come late change what it said before, in several ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.rules.standing import Standing
from collector.rules.transition import Transition


def unheard(breath: Sequence[Transition], standings: Mapping[str, Standing]) -> list[Transition]:
    """A breath without what begins and ends in it and was heard before, to its end.

    An episode that is over may have been part of a longer one for a while, until a reading came that parts them again.
    Nor is it news that what is over had begun earlier: the first is taken back, and the longer one covers it.
    """
    ends = {each.key: n for n, each in enumerate(breath) if each.state == "resolved"}
    back = {each.fingerprint: each.start_ms for each in breath if each.void and _is_over(each, standings)}

    def is_old(n: int, each: Transition) -> bool:
        end = ends.get(each.key, -1)
        if end <= n:
            return False
        begun_ms = back.get(each.fingerprint)
        covers = begun_ms is not None and each.start_ms <= begun_ms <= breath[end].event_ms
        return covers or _is_over(each, standings)

    return [each for n, each in enumerate(breath) if not is_old(n, each)]


def _is_over(each: Transition, standings: Mapping[str, Standing]) -> bool:
    """Whether people have heard of this episode to its end, or will with the next message."""
    known = standings.get(each.fingerprint)
    waits = () if known is None else (line.alert.key for line in known.news if line.state == "resolved")
    return known is not None and each.key in (*known.over, *waits)


def beginnings(breath: Sequence[Transition]) -> list[str]:
    """For each of a breath the key of what begins next of the same alert; empty where nothing does."""
    found: list[str] = []
    nearest: dict[str, str] = {}
    for each in reversed(breath):
        found.append(nearest.get(each.fingerprint, ""))
        if each.state == "firing" and not each.late:
            nearest[each.fingerprint] = each.key
    return found[::-1]
