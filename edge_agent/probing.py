"""Which sensor hangs on a port? Listen first, then ask; believe three sound frames, never one. Pure.

for plan in plans(profiles):                       line settings, and who could be there
    listening = Listening(plan.profiles)
    listening.feed(what came in some seconds)      nothing was written so far
    if not listening.verdicts():
        for ask in plan.asks: write(ask.data), listening.feed(what came)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.commands import command_bytes
from edge_agent.decoding import Values, decode
from edge_agent.framing import Frame, Framer

if TYPE_CHECKING:
    from device_profiles.profile import Profile, Serial

SURE_AFTER = 3


class Question(NamedTuple):
    """A profile's question, for a port that says nothing by itself."""

    profile: str
    data: bytes


class Plan(NamedTuple):
    """One setting of the line, the models that use it, and what to ask when nobody speaks."""

    serial: Serial
    profiles: list[Profile]
    asks: list[Question]


class Verdict(NamedTuple):
    """A model that fits what was heard: sound and damaged frames, whether that is enough, and who looks the same."""

    profile: str
    sound: int
    damaged: int
    sure: bool
    alike: tuple[str, ...]


def plans(profiles: Iterable[Profile]) -> list[Plan]:
    """Models by line settings, the commonest setting first. A question that several ask alike is asked once."""
    by_line: dict[tuple[int, str, int, int], list[Profile]] = {}
    for profile in profiles:
        line = profile.serial
        by_line.setdefault((line.baud, line.parity, line.bytesize, line.stopbits), []).append(profile)
    grouped = sorted(by_line.values(), key=len, reverse=True)
    return [Plan(group[0].serial, group, _questions(group)) for group in grouped]


def _questions(profiles: list[Profile]) -> list[Question]:
    questions: dict[bytes, Question] = {}
    for profile in profiles:
        ask = profile.probe.ask
        if ask is not None:
            data = command_bytes(profile, ask.command, ask.values)
            questions.setdefault(data, Question(profile.name, data))
    return list(questions.values())


class Listening:
    """Everything heard on one setting of the line, tried on every model at once."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._candidates = [(profile, Framer(profile)) for profile in profiles]
        self._sound = {profile.name: 0 for profile, _ in self._candidates}
        self._damaged = dict(self._sound)

    def feed(self, data: bytes) -> None:
        """Take what was read; a model gains by measurements and answers that are proved whole."""
        for profile, framer in self._candidates:
            for item in framer.feed(data):
                result = decode(profile, item) if isinstance(item, Frame) else item
                sound = isinstance(result, Values) and result.message != "unknown"
                (self._sound if sound else self._damaged)[profile.name] += 1

    def verdicts(self) -> list[Verdict]:
        """Models that fit, best first. Two that fit equally well are both unsure: a person must choose."""
        found = [
            Verdict(profile.name, sound, self._damaged[profile.name], sound >= SURE_AFTER, ())
            for profile, _ in self._candidates
            if (sound := self._sound[profile.name]) > self._damaged[profile.name]
        ]
        found.sort(key=lambda verdict: (verdict.damaged - verdict.sound, verdict.profile))
        best = [verdict for verdict in found if found and verdict.sound == found[0].sound]
        alike = {verdict.profile for verdict in best}
        known = {profile.name: profile.probe.confusable for profile, _ in self._candidates}
        return [
            verdict._replace(
                sure=verdict.sure and (len(best) == 1 or verdict not in best),
                alike=tuple(sorted((alike | set(known[verdict.profile])) - {verdict.profile})),
            )
            for verdict in found
        ]
