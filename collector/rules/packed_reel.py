"""A reel as a JSON value, which is saved and brought back, and a copy of one made of it."""

from __future__ import annotations

from typing import Any

from collector.rules.plan import Plan
from collector.rules.recent import Recent
from collector.rules.reel import Mark, Reel
from collector.rules.rule import Spec
from collector.rules.track import Track
from collector.rules.transition import Transition

_Tracks = list[dict[str, Track]]


def pack(reel: Reel) -> dict[str, Any]:
    """The state of a reel as a JSON value."""
    reel.wake()
    return {
        "specs": [list(watch.spec) for watch in reel.plan.watches],
        "head": reel.head_ms,
        "windows": [each.packed() for each in reel.windows],
        "tracks": _packed(reel.tracks),
        "base": _packed_mark(reel, reel.base),
        "mid": _packed_mark(reel, reel.mid),
        "recent": reel.recent.packed(),
        "told": [each.as_json() for each in reel.told],
    }


def unpack(reel: Reel, packed: dict[str, Any]) -> None:
    """Take the state of `packed`. Windows of other specs start empty, and then nothing winds back behind it."""
    specs = [
        Spec(stat, quantity, over_ms, tuple(words), versus)
        for stat, quantity, over_ms, words, versus in packed["specs"]
    ]
    place = {spec: index for index, spec in enumerate(specs)}
    reel.head_ms, reel.rest = packed["head"], None
    for watch, each in zip(reel.plan.watches, reel.windows, strict=True):
        if watch.spec in place:
            each.unpack(packed["windows"][place[watch.spec]])
    order = [place.get(watch.spec) for watch in reel.plan.watches]
    reel.tracks = _unpacked(reel.plan, packed["tracks"], order)
    if specs == [watch.spec for watch in reel.plan.watches]:
        reel.base, reel.mid = (_unpacked_mark(reel, packed[name], order) for name in ("base", "mid"))
        reel.recent.unpack(packed["recent"])
        reel.told = [Transition.read(each) for each in packed["told"]]
    else:
        reel.base = reel.mid = reel.mark()
    reel.set_bands()


def copy_of(reel: Reel) -> Reel:
    """A reel that stands where this one stands; it cannot go back behind that."""
    new = Reel(reel.plan, reel.interval_ms, reel.say)
    unpack(new, pack(reel))
    new.told = []
    new.base = new.mid = new.mark()
    new.recent = Recent()
    return new


def _packed_mark(reel: Reel, mark: Mark) -> list[Any]:
    windows = [each.packed_mark(stand) for each, stand in zip(reel.windows, mark.windows, strict=True)]
    return [mark.time_ms, windows, _packed(mark.tracks)]


def _unpacked_mark(reel: Reel, packed: list[Any], order: list[int | None]) -> Mark:
    time_ms, stands, tracks = packed
    windows = [each.unpacked_mark(stand) for each, stand in zip(reel.windows, stands, strict=True)]
    return Mark(time_ms, windows, _unpacked(reel.plan, tracks, order))


def _packed(tracks: _Tracks) -> list[dict[str, Any]]:
    return [{name: [track.rule.version, track.packed()] for name, track in each.items()} for each in tracks]


def _unpacked(plan: Plan, packed: list[dict[str, Any]], order: list[int | None]) -> _Tracks:
    """Tracks of rules that still mean the same."""
    found: _Tracks = []
    for index in order:
        tracks: dict[str, Track] = {}
        for name, (version, state) in ({} if index is None else packed[index]).items():
            rule = plan.rules.get(name)
            if rule is not None and rule.version == version:
                tracks[name] = Track.unpacked(rule, state)
        found.append(tracks)
    return found
