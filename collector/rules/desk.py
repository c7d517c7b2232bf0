"""The duty desk: what people are told of alerts, and what they said about them.

Transitions come in, notifications go out; the engine's state is never touched from here. A firing alert cannot be
resolved by hand: it is acknowledged (one person has it) or silenced (nobody wants to hear of it).

    hear --> news of one alert --> hidden? --> flapping? --> grouped by station and cause --> Notification
              (told once each)     silence,    told once,     first at once, the next
                                   node down   then calm      after `group_ms`
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from collector.rules.rule import OWN_LINK, SEVERITIES
from collector.rules.silence import Matcher, Silence, matches
from collector.rules.transition import Transition

MINUTE_MS: Final = 60_000
STATE_WORDS: Final = {
    "firing": ("告警", "FIRING"),
    "resolved": ("恢复", "RESOLVED"),
    "flapping": ("反复波动", "FLAPPING"),
}
WHAT_WORDS: Final = {"news": ("", ""), "reminder": ("仍未恢复：", "Still: "), "escalation": ("升级：", "Escalated: ")}


class Step(NamedTuple):
    """After `after_ms` of firing unacknowledged, alerts of at least `severity` are also told to `notify`."""

    after_ms: int
    notify: tuple[str, ...]
    severity: str = "major"


class Policy(NamedTuple):
    """How much people hear. Three changes within `flap_ms` are flapping; as long without a change is calm."""

    repeat_ms: int = 240 * MINUTE_MS
    group_ms: int = 5 * MINUTE_MS
    flap_changes: int = 3
    flap_ms: int = 30 * MINUTE_MS
    steps: tuple[Step, ...] = ()
    receivers: tuple[str, ...] = ()  # of alerts whose rule names none


class Line(NamedTuple):
    """One alert in a notification: firing, resolved or flapping, and the transition behind it."""

    state: str
    alert: Transition


class Notification(NamedTuple):
    """A message to one receiver; told twice, it has the same key. `order` names what must stay in order."""

    key: str
    receiver: str
    what: str
    order: str
    severity: str
    at_ms: int
    lines: tuple[Line, ...]
    text_zh: str
    text_en: str


class Acknowledgement(NamedTuple):
    """Somebody has it, until then."""

    who: str
    note: str
    until_ms: int


class Deed(NamedTuple):
    """One line of the audit trail."""

    at_ms: int
    who: str
    what: str
    about: str
    note: str = ""


@dataclass(slots=True)
class Standing:
    """One alert as the desk knows it. `news` was not told yet; `told` is what people last heard."""

    alert: Transition
    changes: list[int] = field(default_factory=list)
    news: list[Line] = field(default_factory=list)
    told: str = ""
    told_ms: int = 0
    since_ms: int = 0  # first told of this episode
    reminders: int = 0
    steps: int = 0
    receivers: tuple[str, ...] = ()
    flapping: bool = False
    ack: Acknowledgement | None = None

    @property
    def firing(self) -> bool:
        """Whether the alert fires."""
        return self.alert.state == "firing" and not self.alert.void


class Desk:
    """Decides who is told what. `standings` are the alerts of interest by fingerprint."""

    def __init__(self, policy: Policy = Policy()) -> None:  # noqa: B008
        self.policy = policy
        self.standings: dict[str, Standing] = {}
        self.silences: dict[str, Silence] = {}
        self._quiet_until: dict[str, tuple[int, int]] = {}  # by group: until when news waits, severity told since
        self._deeds: list[Deed] = []

    # What the engine says

    def hear(self, transitions: Iterable[Transition], now_ms: int) -> None:
        """Take note of what happened. History is nobody's news, except the end of what people were told of."""
        for each in transitions:
            known = self.standings.get(each.fingerprint)
            if (
                each.state == "firing"
                and not each.late
                and not (known and known.firing and known.alert.key == each.key)
            ):
                self._begin(each, now_ms)
            elif each.state == "resolved" and known is not None and known.firing and known.alert.key == each.key:
                self._change(known, each, now_ms)

    def _begin(self, alert: Transition, now_ms: int) -> None:
        known = self.standings.setdefault(alert.fingerprint, Standing(alert))
        if known.alert.key != alert.key:
            known.ack, known.steps, known.since_ms, known.reminders = None, 0, 0, 0
        known.receivers = alert.notify or self.policy.receivers
        self._change(known, alert, now_ms)

    def _change(self, known: Standing, alert: Transition, now_ms: int) -> None:
        known.alert = alert
        known.changes = [t for t in known.changes if t > now_ms - self.policy.flap_ms] + [now_ms]
        if known.flapping:
            return
        if len(known.changes) >= self.policy.flap_changes:
            known.flapping, known.news = True, [Line("flapping", alert)]
        else:
            known.news.append(Line(alert.state, alert))

    # What people say

    def acknowledge(self, fingerprint: str, who: str, note: str, until_ms: int, now_ms: int) -> bool:
        """Somebody takes the alert until `until_ms`. False, and nothing changes, when it does not fire."""
        known = self.standings.get(fingerprint)
        if known is None or not known.firing or until_ms <= now_ms:
            return False
        known.ack = Acknowledgement(who, note, until_ms)
        self._deeds.append(Deed(now_ms, who, "acknowledged", fingerprint, note))
        return True

    def unacknowledge(self, fingerprint: str, who: str, now_ms: int) -> bool:
        """Give the alert back. False when nobody had it."""
        known = self.standings.get(fingerprint)
        if known is None or known.ack is None:
            return False
        known.ack = None
        self._deeds.append(Deed(now_ms, who, "gave back", fingerprint))
        return True

    def preview(self, wanted: tuple[Matcher, ...]) -> list[Transition]:
        """The firing alerts that these matchers would silence."""
        return [each.alert for each in self.standings.values() if each.firing and matches(wanted, each.alert)]

    def silence(self, silence: Silence, now_ms: int) -> None:
        """Keep quiet about some alerts for a while, from now or from its start."""
        self.silences[silence.name] = silence
        what = "silenced" if silence.start_ms <= now_ms else "planned maintenance"
        about = f"{silence.name} {' '.join(map(str, silence.wanted))}"
        self._deeds.append(Deed(now_ms, silence.who, what, about, silence.note))

    def unsilence(self, name: str, who: str, now_ms: int) -> bool:
        """End a silence before its time. False when there is none of that name."""
        if self.silences.pop(name, None) is None:
            return False
        self._deeds.append(Deed(now_ms, who, "ended silence", name))
        return True

    def deeds(self) -> list[Deed]:
        """What was done since the last call, for the audit trail."""
        done, self._deeds = self._deeds, []
        return done

    # What people are told

    def tick(self, now_ms: int) -> list[Notification]:
        """Everything that people should be told by now."""
        self._expire(now_ms)
        said: list[Notification] = []
        groups: dict[str, list[Standing]] = {}
        for name, each in list(self.standings.items()):
            self._calm(each, now_ms)
            if each.news and self.hidden(each.alert, now_ms) is None:
                groups.setdefault(_group(each.alert), []).append(each)
            elif each.news and not each.firing and each.told in ("", "resolved"):
                each.news = []  # came and went while nobody wanted to hear
            elif each.news and not each.firing:
                groups.setdefault(_group(each.alert), []).append(each)  # the end of what was told is always told
            elif each.firing and each.told:
                said += self._press(each, now_ms)
            elif not each.firing and not each.changes:
                del self.standings[name]
        for group, members in groups.items():
            said += self._tell(group, members, now_ms)
        return said

    def hidden(self, alert: Transition, now_ms: int) -> str | None:
        """Why nobody is told of this alert now: a silence's name, or what it follows from; None when people are."""
        for silence in self.silences.values():
            if silence.covers(alert, now_ms):
                return silence.name
        node = alert.labels.get("node", "")
        for other in self.standings.values():
            if not other.firing or other.alert.cause != "offline" or other.alert is alert:
                continue
            down = other.alert.labels.get("node", "")
            if down == OWN_LINK and alert.cause != "value" and node != OWN_LINK:
                return other.alert.fingerprint
            if down == node and alert.cause != "offline":
                return other.alert.fingerprint
        return None

    def _tell(self, group: str, members: list[Standing], now_ms: int) -> list[Notification]:
        """The news of one group, at once if it has been quiet or things got worse, else when its time has come."""
        until_ms, heard = self._quiet_until.get(group, (0, -1))
        worst = max(SEVERITIES.index(each.alert.severity) for each in members)
        worse = worst > heard and any(each.firing for each in members)
        if now_ms < until_ms and not worse:
            return []
        self._quiet_until[group] = (now_ms + self.policy.group_ms, max(worst, heard) if now_ms < until_ms else worst)
        by_receiver: dict[str, list[Line]] = {}
        for each in members:
            for receiver in each.receivers:
                by_receiver.setdefault(receiver, []).extend(each.news)
            each.told, each.told_ms = each.news[-1].state, now_ms
            each.since_ms = each.since_ms or now_ms
            each.news = []
        return [_notification(receiver, "news", group, lines, now_ms) for receiver, lines in by_receiver.items()]

    def _press(self, each: Standing, now_ms: int) -> list[Notification]:
        """Reminders and escalation of what still fires, while nobody has it and nobody silenced it."""
        if each.ack is not None or self.hidden(each.alert, now_ms) is not None:
            return []
        said: list[Notification] = []
        lines, group = [Line(each.told, each.alert)], _group(each.alert)
        while each.steps < len(self.policy.steps):
            step = self.policy.steps[each.steps]
            if now_ms - each.since_ms < step.after_ms:
                break
            each.steps += 1
            if SEVERITIES.index(each.alert.severity) >= SEVERITIES.index(step.severity):
                for receiver in step.notify:
                    said.append(_notification(receiver, "escalation", group, lines, now_ms, each.steps))
                each.receivers = tuple(dict.fromkeys((*each.receivers, *step.notify)))
        if now_ms - each.told_ms >= self.policy.repeat_ms:
            each.told_ms = now_ms
            each.reminders += 1
            for receiver in each.receivers:
                said.append(_notification(receiver, "reminder", group, lines, now_ms, each.reminders))
        return said

    def _calm(self, each: Standing, now_ms: int) -> None:
        """Forget old changes; when flapping is over, how it ended is news."""
        each.changes = [t for t in each.changes if t > now_ms - self.policy.flap_ms]
        if each.flapping and not each.changes:
            each.flapping = False
            each.news = [Line(each.alert.state, each.alert)] if each.told == "flapping" or each.firing else []

    def _expire(self, now_ms: int) -> None:
        for each in self.standings.values():
            if each.ack is not None and each.ack.until_ms <= now_ms:
                self._deeds.append(Deed(now_ms, each.ack.who, "acknowledgement expired", each.alert.fingerprint))
                each.ack = None
                each.told_ms = min(each.told_ms, now_ms - self.policy.repeat_ms)  # and people hear of it again
        for name in [name for name, silence in self.silences.items() if silence.end_ms <= now_ms]:
            self._deeds.append(Deed(now_ms, self.silences.pop(name).who, "silence ended", name))
        for group in [group for group, (until_ms, _) in self._quiet_until.items() if until_ms <= now_ms]:
            del self._quiet_until[group]

    # As a plain value

    def packed(self) -> dict[str, Any]:
        """The state as a JSON value."""
        return {
            "standings": {name: _packed(each) for name, each in self.standings.items()},
            "silences": list(self.silences.values()),
            "quiet": self._quiet_until,
        }

    @classmethod
    def restore(cls, policy: Policy, packed: dict[str, Any]) -> Desk:
        """A desk that goes on where another stopped."""
        desk = cls(policy)
        desk.standings = {name: _unpacked(each) for name, each in packed["standings"].items()}
        desk.silences = {each[0]: Silence.read(each) for each in packed["silences"]}
        desk._quiet_until = {group: (until_ms, heard) for group, (until_ms, heard) in packed["quiet"].items()}
        return desk


def _group(alert: Transition) -> str:
    """Station and cause."""
    return f"{alert.labels.get('site', '')}/{alert.labels.get('node', '')}/{alert.cause}"


def _notification(
    receiver: str, what: str, group: str, lines: Iterable[Line], now_ms: int, serial: int = 0
) -> Notification:
    told = tuple(lines)
    name = "|".join((receiver, what, str(serial), *(f"{line.state} {line.alert.key}" for line in told)))
    severity = max((line.alert.severity for line in told), key=SEVERITIES.index)
    texts = ["\n".join(f"[{STATE_WORDS[state][i]}] {(a.text_zh, a.text_en)[i]}" for state, a in told) for i in (0, 1)]
    station = " ".join(filter(None, group.split("/")[:2]))
    zh, en = (f"{WHAT_WORDS[what][i]}{station}\n{texts[i]}" for i in (0, 1))
    key = hashlib.sha256(name.encode()).hexdigest()[:24]
    return Notification(key, receiver, what, f"{receiver}|{group}", severity, now_ms, told, zh, en)


def _packed(each: Standing) -> list[Any]:
    news = [[line.state, line.alert.as_json()] for line in each.news]
    rest = [each.told, each.told_ms, each.since_ms, each.reminders, each.steps, each.receivers, each.flapping, each.ack]
    return [each.alert.as_json(), each.changes, news, *rest]


def _unpacked(packed: list[Any]) -> Standing:
    alert, changes, news, told, told_ms, since_ms, reminders, steps, receivers, flapping, ack = packed
    return Standing(
        Transition.read(alert),
        changes,
        [Line(state, Transition.read(value)) for state, value in news],
        told,
        told_ms,
        since_ms,
        reminders,
        steps,
        tuple(receivers),
        flapping,
        None if ack is None else Acknowledgement(*ack),
    )
