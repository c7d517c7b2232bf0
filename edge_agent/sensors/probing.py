"""Which sensor hangs on a port? Listen first, then ask; believe three sound frames, never one. Pure.

    moves = search(profiles)                 a generator: it says what to do, and is sent what was heard
    move = next(moves)                       set the line, write (usually nothing), listen so long
    move = moves.send(bytes)                 ... until it returns an Outcome

At every speed of the catalogue we listen; where somebody speaks, we stay. Only then are questions asked, each one that
its profile offers for this purpose and that changes nothing in a sensor. Models with the same frames are told apart by
the marks in their profiles, or by a question that only one of them answers; where neither decides, nobody is sure.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.sensors.commands import command_bytes
from edge_agent.sensors.decoding import Values, decode
from edge_agent.sensors.framing import Frame, Framer

if TYPE_CHECKING:
    from device_profiles.probe import Mark
    from device_profiles.profile import Profile, Serial

SURE_AFTER = 3
SURE_UNPROVED_AFTER = 8  # a frame without a checksum is sooner found in noise
FIRST_S = 1.3
SLICE_S = 0.5
STAY_S = 9.0
SLOW_S = 3.0
ANSWER_S = 0.5
ADDRESS_S = 0.25  # what hangs on a bus answers sooner, or is not there: most addresses are nobody's
ASKS_MAX = 6


class Question(NamedTuple):
    """What to ask on a line, for how long to wait, and which command it is in the profiles that know it."""

    data: bytes
    wait_s: float
    commands: dict[str, str]


class Plan(NamedTuple):
    """One setting of the line, the models that use it, and what to ask when nobody speaks."""

    serial: Serial
    profiles: list[Profile]
    asks: list[Question]


class Verdict(NamedTuple):
    """A model that fits what was heard: sound and damaged frames, whether that is enough, and who looks the same.

    `values` is the newest decoded reading, empty when it has given none yet.
    """

    profile: str
    sound: int
    damaged: int
    sure: bool
    alike: tuple[str, ...]
    values: dict[str, float | int] = {}  # noqa: RUF012


class Move(NamedTuple):
    """What the owner of the port shall do: set the line, write, listen for so many seconds."""

    serial: Serial
    write: bytes
    listen_s: float


class Outcome(NamedTuple):
    """The end of a search: verdicts at the line setting that fits best, best first, and bytes heard at each speed."""

    serial: Serial | None
    verdicts: list[Verdict]
    heard: dict[int, int]

    @property
    def found(self) -> Verdict | None:
        """The one model that it is, when that is sure."""
        return next((verdict for verdict in self.verdicts if verdict.sure), None)


def plans(profiles: Iterable[Profile]) -> list[Plan]:
    """Models by line settings, the commonest setting first. A question that several ask alike is asked once."""
    by_line: dict[tuple[int, str, int, int], Plan] = {}
    for profile in profiles:
        for baud in dict.fromkeys((profile.serial.baud, *profile.probe.bauds)):
            line = profile.serial.model_copy(update={"baud": baud})
            key = (line.baud, line.parity, line.bytesize, line.stopbits)
            by_line.setdefault(key, Plan(line, [], [])).profiles.append(profile)
    grouped = sorted(by_line.values(), key=lambda plan: len(plan.profiles), reverse=True)
    return [plan._replace(asks=_questions(plan.profiles)) for plan in grouped]


def _questions(profiles: list[Profile]) -> list[Question]:
    questions: dict[bytes, Question] = {}
    for profile in profiles:
        ask = profile.probe.ask
        if ask is not None:
            data = command_bytes(profile, ask.command, ask.values)
            wait_s = min(profile.commands[ask.command].timeout_s, ANSWER_S)
            known = questions.setdefault(data, Question(data, wait_s, {}))
            known.commands[profile.name] = ask.command
    return list(questions.values())


def search(profiles: Iterable[Profile]) -> Generator[Move, bytes, Outcome]:
    """Find the sensor on one port. See the head of this file."""
    lines = [(plan, Listening(plan.profiles)) for plan in plans(profiles)]
    heard: dict[int, int] = {}

    def outcome(plan: Plan, listening: Listening) -> Outcome:
        return Outcome(plan.serial, listening.verdicts(), heard)

    for listen_s in (FIRST_S, SLOW_S):
        for plan, listening in lines:
            listening.tune()
            data = yield Move(plan.serial, b"", listen_s)
            heard[plan.serial.baud] = heard.get(plan.serial.baud, 0) + len(data)
            listening.feed(data)
            stayed_s = 0.0
            while listening.promising() and not listening.decided() and stayed_s < STAY_S:
                listening.feed((yield Move(plan.serial, b"", SLICE_S)))
                stayed_s += SLICE_S
            if listening.decided():
                yield from _ask_twins(plan, listening)
                return outcome(plan, listening)
        for plan, listening in lines:
            listening.tune()
            for question in plan.asks:
                yield from _ask(plan, listening, question, SURE_AFTER)
                if any(verdict.sure for verdict in listening.verdicts()):
                    return outcome(plan, listening)
    best = max(lines, key=lambda line: max((v.sound for v in line[1].verdicts()), default=0))
    return outcome(*best) if best[1].verdicts() else Outcome(None, [], heard)


def search_addresses(
    profiles: Iterable[Profile], addresses: Iterable[int]
) -> Generator[Move, bytes, dict[int, Outcome]]:
    """Who answers at which address of a line that several share. All have one speed: where one answers, all do."""
    found: dict[int, Outcome] = {}
    asked = [profile for profile in profiles if "address" in profile.options and profile.probe.ask is not None]
    for plan in plans(asked):
        for address in addresses:
            here = [profile for one in plan.profiles if (profile := _at(one, address)) is not None]
            listening = Listening(here)
            for question in _questions(here):
                short = question._replace(wait_s=min(question.wait_s, ADDRESS_S))
                yield from _ask(plan, listening, short, SURE_AFTER)
                if any(verdict.sure for verdict in listening.verdicts()):
                    break
            if listening.verdicts():
                found[address] = Outcome(plan.serial, listening.verdicts(), {})
        if found:
            break
    return found


def _at(profile: Profile, address: int) -> Profile | None:
    """A unit of that model at this address; None where none can be, or every one would answer."""
    if address in profile.options["address"].anybody:
        return None
    try:
        return profile.with_options({"address": address})
    except ValueError:
        return None


def _ask(plan: Plan, listening: Listening, question: Question, wanted: int) -> Generator[Move, bytes, None]:
    """Ask until `wanted` answers have come, or the first question stays without one: it is asked again in the end."""
    in_vain = 1 if question.data.endswith(b"\n") else 0  # an earlier question may stand before a line, and spoil it
    for tries in range(ASKS_MAX):
        data = yield Move(plan.serial, question.data, question.wait_s)
        answers = listening.answered(question, data)
        if answers >= wanted or (answers == 0 and tries >= in_vain):
            return


def _ask_twins(plan: Plan, listening: Listening) -> Generator[Move, bytes, None]:
    """Where several models send the same frames by themselves, a question that one alone answers decides."""
    best = {verdict.profile for verdict in listening.verdicts() if not verdict.sure}
    for question in plan.asks:
        if len(best) > 1 and best & set(question.commands):
            yield from _ask(plan, listening, question, 1)


@dataclass(slots=True)
class _Candidate:
    """What one model has to its credit: pushed frames, answers to its question, damage, missing marks."""

    profile: Profile
    framer: Framer = field(init=False)
    sound: int = 0
    answers: int = 0
    damaged: int = 0
    unmarked: int = 0
    _tuned: bool = False
    _damaged_before: int = 0
    values: dict[str, float | int] = field(default_factory=dict)
    messages: set[str] = field(default_factory=set)

    def tune(self) -> None:
        """The line has been set anew: what comes before a sound frame may be left over from another speed, and counts
        as one damaged frame however long it is.
        """
        self.framer = Framer(self.profile)
        self._tuned = False
        self.damaged = self._damaged_before = self.damaged if self.credit else 0

    def take(self, data: bytes, asked: str | None = None) -> int:
        """Feed what was heard; returns how many frames answered `asked`."""
        answers = 0
        wanted = self.profile.commands[asked].reply if asked is not None else None
        for item in self.framer.feed(data):
            result = decode(self.profile, item, asked) if isinstance(item, Frame) else item
            if not isinstance(result, Values) or result.message == "unknown":
                self.damaged += 1
                continue
            if not self._tuned:
                self._tuned, self.damaged = True, min(self.damaged, self._damaged_before + 1)
            if asked is None:
                self.sound += 1
                self.messages.add(result.message)
            elif result.message == wanted:
                answers += 1
            if result.rows and not (self.profile.kind == "detection" and self.profile.modes[self.profile.mode].start):
                self.values = dict(result.rows[0])  # a radar's unit is known only once the agent has set it
            if "out_of_range" in result.flags or not all(fits(mark, item.data) for mark in self.profile.probe.marks):
                self.unmarked += 1
        self.answers += answers
        return answers

    @property
    def credit(self) -> int:
        """Sound frames, none when most of them lack the model's marks."""
        total = self.sound + self.answers
        return total if self.unmarked * 2 <= total else 0

    @property
    def enough(self) -> bool:
        """True when so many sound frames are no accident."""
        proved = all(getattr(shape, "check", True) is not None for shape in self.profile.frames)
        needed = SURE_AFTER if proved or self.answers >= SURE_AFTER else SURE_UNPROVED_AFTER
        return self.credit >= needed and self.credit > self.damaged


class Listening:
    """Everything heard on one setting of the line, tried on every model at once."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._candidates = {profile.name: _Candidate(profile) for profile in profiles}
        self.tune()

    def tune(self) -> None:
        """The line has been set to this speed."""
        for candidate in self._candidates.values():
            candidate.tune()

    def feed(self, data: bytes) -> None:
        """Take what a sensor said by itself."""
        for candidate in self._candidates.values():
            candidate.take(data)

    def answered(self, question: Question, data: bytes) -> int:
        """Take what came after a question: it counts only for models that own the question. The most answers so far."""
        for name, command in question.commands.items():
            if name in self._candidates:
                self._candidates[name].take(data, command)
        return max(
            (self._candidates[name].answers for name in question.commands if name in self._candidates), default=0
        )

    def promising(self) -> bool:
        """True when somebody was understood: it is worth staying at this speed."""
        return any(candidate.credit for candidate in self._candidates.values())

    def decided(self) -> bool:
        """True when the best has enough, alone or beside its twins."""
        ranked = self._ranked()
        return bool(ranked) and ranked[0].enough

    def verdicts(self) -> list[Verdict]:
        """Models that fit, best first. Those that fit equally well are all unsure: a person must choose."""
        ranked = self._ranked()
        best = [candidate for candidate in ranked if _equal(candidate, ranked[0])]
        return [self._verdict(candidate, best) for candidate in ranked]

    def _ranked(self) -> list[_Candidate]:
        fitting = [candidate for candidate in self._candidates.values() if candidate.credit > candidate.damaged]
        return sorted(fitting, key=lambda c: (c.damaged - c.credit - _answer_bonus(c), c.profile.name))

    def _verdict(self, candidate: _Candidate, best: list[_Candidate]) -> Verdict:
        name = candidate.profile.name
        twins = {other.profile.name for other in best} if candidate in best else set()
        known = set(candidate.profile.probe.confusable) & set(self._candidates)
        sure = candidate.enough and best == [candidate]
        return Verdict(
            name, candidate.credit, candidate.damaged, sure, tuple(sorted((twins | known) - {name})), candidate.values
        )


def _answer_bonus(candidate: _Candidate) -> int:
    """An answer beside pushed frames: whoever pushes the same and did not answer is somebody else."""
    return 100 if candidate.sound and candidate.answers else 0


def _equal(one: _Candidate, other: _Candidate) -> bool:
    return one.credit == other.credit and bool(_answer_bonus(one)) == bool(_answer_bonus(other))


def fits(mark: Mark, frame: bytes) -> bool:
    """True when a frame bears a mark, or is not of the kind the mark speaks of."""
    if mark.length is not None and len(frame) != mark.length:
        return True
    if mark.head is not None and not frame.startswith(bytes.fromhex(mark.head)):
        return True
    if any(word_at(frame, at) for at in mark.zero) or (mark.some and not any(word_at(frame, at) for at in mark.some)):
        return False
    falling = [word_at(frame, at) for at in mark.falling]
    if any(earlier < later for earlier, later in itertools.pairwise(falling)):
        return False
    return mark.word is None or mark.min <= word_at(frame, mark.word) <= mark.max


def word_at(frame: bytes, at: int) -> int:
    """The big-endian word at an offset; beyond the frame it is 0."""
    return int.from_bytes(frame[at : at + 2], "big")
