"""When readings came out of order: what was told and no longer holds is taken back, what was missed is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from collector.rules.track import Track
from collector.rules.transition import Transition

Say = Callable[[Track, str, int, bool], Transition]
"""Words for a change of a track: state, event time, whether it is history."""


def corrections(
    told: list[Transition], again: list[Transition], firing: dict[tuple[str, int], Track], say: Say
) -> list[Transition]:
    """What must be said so that those who heard `told` know of `again`; `firing` are the episodes now open."""
    said: list[Transition] = []
    fired = {each.key for each in again if each.state == "firing"}
    ended = {each.key for each in again if each.state == "resolved"}
    called = {each.key for each in told if each.state == "firing" and not each.late}
    for each in told:
        track = firing.get((each.rule, each.start_ms))
        if each.state == "firing" and each.key not in fired:
            said.append(
                replace(
                    each,
                    state="resolved",
                    void=True,
                    reason="corrected",
                    text_zh=f"已撤回：{each.text_zh}",
                    text_en=f"Taken back: {each.text_en}",
                )
            )
        elif each.state == "resolved" and each.key not in ended and track is not None and track.fired_ms is not None:
            said.append(replace(say(track, "firing", track.fired_ms, each.late), reason="corrected"))
    for each in again:
        same = [t for t in told if (t.key, t.state, t.event_ms) == (each.key, each.state, each.event_ms)]
        reopened = each.state == "resolved" and any(s.key == each.key for s in said)
        if not same or reopened or (not each.late and all(t.late for t in same)):
            said.append(replace(each, late=each.late and each.key not in called))
    return said
