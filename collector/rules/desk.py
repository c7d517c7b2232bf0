"""The duty desk: what people are told of alerts, and what they said about them.

Transitions come in, notifications go out; the engine's state is never touched from here. A firing alert cannot be
resolved by hand: it is acknowledged (one person has it) or silenced (nobody wants to hear of it).

    hear --> news of one alert --> hidden? --> flapping? --> grouped by station and cause --> Notification
              (told once each)     silence,    told once,     first at once, the next
                                   node down   then calm      after `group_ms`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from collector.rules.deed import Deed
from collector.rules.fields import OWN_LINK
from collector.rules.held import Held, put_together
from collector.rules.notification import Notification, group_of, notification
from collector.rules.policy import Policy
from collector.rules.pressing import is_due, press
from collector.rules.rule import SEVERITIES
from collector.rules.silence import Matcher, Silence, matches
from collector.rules.silences import Silences
from collector.rules.standing import Acknowledgement, Heard, Line, Standing, held
from collector.rules.transition import Transition
from collector.rules.turns import Turns
from collector.timers import SetBack

TOLD_BY_ANOTHER: Final = "another collector has told its end"


class Desk:
    """Decides who is told what. `standings` are the alerts of interest by fingerprint."""

    def __init__(
        self,
        policy: Policy = Policy(),  # noqa: B008
        notify: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        """`notify` is whom the rules name, by rule."""
        self.policy, self._notify = policy, notify
        self.standings: dict[str, Standing] = {}
        self.silences = Silences()
        self._turns = Turns()
        self._deeds: list[Deed] = []
        self._down: dict[str, list[str]] = {}  # fingerprints of firing offline alerts, by node
        self._touched: set[str] = set()  # standings that changes() has not given out
        self._set_back = SetBack()

    # What the engine says

    def hear(self, transitions: Iterable[Transition], now_ms: int) -> None:
        """Take note of what happened. History is nobody's news, except the end of what people were told of.

        Late readings move, join and part episodes. So what holds now is compared with what people know: an episode at
        the time of one they know is that one, under the key they know, and any other is news.
        """
        for name, episodes in put_together(transitions).items():
            before = self.standings.get(name)
            fires = Heard(before.alert.key) if before is not None and before.firing else None
            known = [self._compare(name, each, now_ms) for each in held(episodes, before)]
            if before is not None and fires is not None and fires not in known:
                self._take_back(before, episodes, now_ms)

    def hear_again(self, transitions: Iterable[Transition], now_ms: int) -> None:
        """What another desk has told, if it lived to: people hear of it again, and of its end even in a silence."""
        said = list(transitions)
        waits = {name for name, each in self.standings.items() if not each.is_told}
        self.hear(said, now_ms)
        for name in {each.fingerprint for each in said} - waits:
            known = self.standings.get(name)
            if known is not None and known.firing:
                known.told = "firing"

    def _compare(self, name: str, each: Held, now_ms: int) -> Heard | None:
        """Tell what is new of an episode that holds; returns the one that people know, as they knew it."""
        began, ended = each
        known = self.standings.get(name)
        heard = None if known is None else known.known_as(each)
        if known is None or heard is None:
            if began is not None and not began.late:
                self._tell_anew(known, began, ended, now_ms)
        elif ended is not None:
            if began is not None and not began.late and began.key != heard.key:
                known.cover(began)
                self.mark(known)
            if heard.end_ms is None:
                known.know(Heard(heard.key, ended.event_ms), heard)
                self._change(known, replace(ended, key=heard.key), now_ms)
        elif began is not None and heard.end_ms is None and began.start_ms != known.alert.start_ms:
            self._move(known, heard, began)
        elif began is not None and heard.end_ms is not None and not began.late:
            self._begin(began, now_ms)
        return heard

    def _tell_anew(self, known: Standing | None, began: Transition, ended: Transition | None, now_ms: int) -> None:
        """An episode that nobody has heard of. One before that which fires is news too, and what fires goes on."""
        if known is not None and known.firing and ended is not None:
            known.news += [] if known.flapping else [Line("firing", began), Line("resolved", ended)]
            known.know(Heard(began.key, ended.event_ms))
            self.mark(known)
            return
        known = self._begin(began, now_ms)
        if ended is not None:
            known.know(Heard(began.key, ended.event_ms), Heard(began.key))
            self._change(known, ended, now_ms)

    def _move(self, known: Standing, heard: Heard, alert: Transition) -> None:
        """It fires since another moment: who has it keeps it, and who heard of it hears of its end by the same key."""
        untold = [line.alert for line in known.news if line.state == "firing" and line.alert.key == known.alert.key]
        known.alert = alert if untold else replace(alert, key=known.alert.key)
        known.know(Heard(known.alert.key), heard)
        known.news = [Line("firing", alert) if line.alert in untold else line for line in known.news]
        self.mark(known)

    def _take_back(self, known: Standing, episodes: Mapping[str, Held], now_ms: int) -> None:
        """What people take for firing does not, and no other episode is at its time."""
        own = episodes.get(known.own_key)
        end = own.ended if own is not None and own.ended is not None else known.alert.ended(now_ms, "corrected")
        known.heard = [each for each in known.heard if each.end_ms is not None]
        self._change(known, replace(end, key=known.alert.key), now_ms)

    def _begin(self, alert: Transition, now_ms: int) -> Standing:
        known = self.standings.setdefault(alert.fingerprint, Standing(alert))
        if known.alert.key != alert.key and not known.flapping:  # that is one matter, whoever has it
            known.ack, known.steps, known.since_ms, known.reminders = None, 0, 0, 0
        called = known.receivers if known.told not in ("", "resolved") else ()  # who has not heard that it ended
        known.receivers = tuple(dict.fromkeys((*(alert.notify or self.policy.receivers), *called)))
        known.know(Heard(alert.key))
        self._change(known, alert, now_ms)
        return known

    def _change(self, known: Standing, alert: Transition, now_ms: int) -> None:
        known.alert = alert
        self.mark(known)
        over = self.silences.resolve(alert, now_ms) if alert.state == "resolved" else []
        self._deeds += over
        known.changes = [t for t in known.changes if t > now_ms - self.policy.flap_ms]
        if alert.state == "firing" or not alert.reason:  # a rule or a station that went is no value that flaps
            known.changes.append(now_ms)
        if known.flapping:
            return
        if over and known.told in ("", "resolved"):
            known.news = []  # it came and went while nobody wanted to hear
            return
        if known.news and known.news[-1].alert.reason == "corrected" and known.told == alert.state == "resolved":
            known.news.pop()  # late readings opened it again and ended it again: people have heard that it ended
            return
        if len(known.changes) >= self.policy.flap_changes:
            known.flapping, known.news = True, [Line("flapping", alert)]
        elif alert.state == "firing" and known.told == "resolved" and alert.reason == "corrected":
            known.news.append(Line("firing", replace(alert, event_ms=now_ms)))  # news, not the message of its beginning
        else:
            known.news.append(Line(alert.state, alert))

    def adopt(self, firing: Iterable[Transition], now_ms: int) -> None:
        """What still fires of what this desk or another has told: the rest has ended, and that was told as well.

        What people wait to hear stays. What a collector says of itself is its own, and its own to end.
        """
        by_name = {each.fingerprint: each for each in firing}
        for name, known in self.standings.items():
            if name in by_name and by_name[name].is_of(known.alert):
                by_name[name] = replace(by_name[name], key=known.alert.key)
        for name, known in list(self.standings.items()):
            goes_on = name in by_name and known.alert.key == by_name[name].key
            if known.firing and not goes_on and known.is_told and known.alert.cause != "own":
                known.alert = known.alert.ended(now_ms, TOLD_BY_ANOTHER)
                self.mark(known)
                del self.standings[name]
        for name, each in by_name.items():
            before = self.standings.get(name)
            if each.late or (before is not None and (before.firing or before.knows(each))):
                continue  # what history began is told when the readings have caught up
            receivers = each.notify or self.policy.receivers
            known = Standing(each, told="firing", told_ms=now_ms, since_ms=now_ms, receivers=receivers)
            known.know(Heard(each.key))
            self.standings[name] = known
            self.mark(known)

    def place(self, standing: Standing) -> None:
        """An alert as another desk knew it, or this one before it ended."""
        self._readdress(standing)
        self.standings[standing.alert.fingerprint] = standing
        self.mark(standing)

    def forget(self, fingerprint: str) -> None:
        """An alert of which another desk knows better."""
        self.mark(self.standings.pop(fingerprint))

    def _readdress(self, standing: Standing) -> None:
        """Who has heard of it still hears of it, and so does who is named now; at once when no one else is left."""
        alert, there = standing.alert, self.policy.receivers
        still = [name for name in standing.receivers if name in there]
        named = [name for name in self._notify.get(alert.rule, alert.notify) if name in there] or there
        standing.receivers = tuple(dict.fromkeys((*still, *named))) or standing.receivers
        standing.told_ms = standing.told_ms if still or not named else 0

    def mark(self, standing: Standing) -> None:
        """It changed: it must be saved, and what follows from it hidden or shown."""
        alert = standing.alert
        self._touched.add(alert.fingerprint)
        if alert.cause == "offline":
            node = alert.labels.get("node", "")
            down = [name for name in self._down.get(node, ()) if name != alert.fingerprint]
            is_down = standing.firing and alert.fingerprint in self.standings
            self._down[node] = down + [alert.fingerprint] * is_down

    # What people say

    def acknowledge(self, fingerprint: str, who: str, note: str, until_ms: int, now_ms: int) -> bool:
        """Somebody takes the alert until `until_ms`. False, and nothing changes, when it does not fire."""
        known = self.standings.get(fingerprint)
        if known is None or not known.firing or until_ms <= now_ms:
            return False
        known.ack = Acknowledgement(who, note, until_ms, now_ms)
        self._touched.add(fingerprint)
        self._deeds.append(Deed(now_ms, who, "acknowledged", fingerprint, note))
        return True

    def unacknowledge(self, fingerprint: str, who: str, now_ms: int) -> bool:
        """Give the alert back. False when nobody had it."""
        known = self.standings.get(fingerprint)
        if known is None or known.ack is None:
            return False
        known.ack = None
        self._touched.add(fingerprint)
        self._deeds.append(Deed(now_ms, who, "gave back", fingerprint))
        return True

    def preview(self, wanted: tuple[Matcher, ...]) -> list[Transition]:
        """The firing alerts that these matchers would silence."""
        return [each.alert for each in self.standings.values() if each.firing and matches(wanted, each.alert)]

    def silence(self, silence: Silence, now_ms: int) -> None:
        """Keep quiet about some alerts for a while, from now or from its start."""
        self._deeds.append(self.silences.begin(silence, now_ms))

    def unsilence(self, name: str, who: str, now_ms: int) -> bool:
        """End a silence before its time. False when there is none of that name."""
        deed = self.silences.end(name, who, now_ms)
        self._deeds += [deed] if deed is not None else []
        return deed is not None

    def deeds(self) -> list[Deed]:
        """What was done since the last call, for the audit trail."""
        done, self._deeds = self._deeds, []
        return done

    # What people are told

    def tick(self, now_ms: int, own_alone: bool = False) -> list[Notification]:
        """Everything that people should be told by now; of the collector's own troubles alone, where the rest is out of
        date."""
        if self._set_back.look(now_ms):
            self._clock_was_ahead(now_ms)
        self._expire(now_ms)
        said: list[Notification] = []
        groups: dict[str, list[Standing]] = {}
        for name, each in list(self.standings.items()):
            if own_alone and not each.is_own:
                continue
            if each.calm(self.policy.flap_ms, now_ms):
                self.mark(each)
            if each.news and self.hidden(each.alert, now_ms) is None:
                groups.setdefault(group_of(each.alert), []).append(each)
            elif each.news and not each.firing and each.told in ("", "resolved"):
                if not each.flapping:  # that goes on, and is news when the quiet is over
                    each.news = []  # came and went while nobody wanted to hear
                    self.mark(each)
            elif each.news and not each.firing:
                groups.setdefault(group_of(each.alert), []).append(each)  # the end of what was told is always told
            elif each.firing and each.told:
                said += self._press(each, now_ms)
            elif not each.firing and not each.changes:
                del self.standings[name]
                self._touched.add(name)
        for group, members in groups.items():
            said += self._tell(group, members, now_ms)
        return said

    def _clock_was_ahead(self, now_ms: int) -> None:
        """And is set back: else nobody was reminded, and no news of a group told, for all the hours that it was."""
        for each in self.standings.values():
            each.clock_was_ahead(now_ms)
        self._turns.clock_was_ahead(self.policy.group_ms, now_ms)

    def hidden(self, alert: Transition, now_ms: int) -> str | None:
        """Why nobody is told of this alert now: a silence's name, or what it follows from; None when people are."""
        silence = self.silences.covering(alert, now_ms)
        if silence is not None:
            return silence
        node = alert.labels.get("node", "")
        if node == OWN_LINK:  # a lost broker hides no other trouble of our own
            return None
        down = self._down.get(node, ()) if alert.cause != "offline" else ()
        if not down and alert.cause != "value":
            down = self._down.get(OWN_LINK, ())
        return next(iter(down), None)

    def told_to(self, receiver: str) -> list[Transition]:
        """Each alert as this receiver was told of it last: what it takes for firing, and what has just ended.

        Silences and lost nodes hide news; they do not end what was told.
        """
        told = [each for each in self.standings.values() if each.told and receiver in each.receivers]
        firing = [each.alert for each in told if each.told != "resolved"]
        ended = [each.alert for each in told if each.told == "resolved" and not each.firing]
        return [e if e.state == "firing" else replace(e, state="firing") for e in firing] + ended

    def _tell(self, group: str, members: list[Standing], now_ms: int) -> list[Notification]:
        """The news of one group, at once if it has been quiet or things got worse, else when its turn has come."""
        worst, fires = max(SEVERITIES.index(each.alert.severity) for each in members), any(m.firing for m in members)
        if not self._turns.take(group, worst, fires, self.policy.group_ms, now_ms):
            return []
        by_receiver: dict[str, list[Line]] = {}
        for each in members:
            for receiver in each.receivers:
                by_receiver.setdefault(receiver, []).extend(each.news)
            each.was_told(now_ms)
            self.mark(each)
        return [notification(receiver, "news", group, lines, now_ms) for receiver, lines in by_receiver.items()]

    def _press(self, each: Standing, now_ms: int) -> list[Notification]:
        """Reminders and escalation, while nobody has it and nothing hides it."""
        if not is_due(each, self.policy, now_ms) or each.ack is not None or self.hidden(each.alert, now_ms) is not None:
            return []
        self.mark(each)
        return press(each, self.policy, now_ms)

    def _expire(self, now_ms: int) -> None:
        for each in self.standings.values():
            if each.ack is not None and each.ack.until_ms <= now_ms:
                self._deeds.append(Deed(now_ms, each.ack.who, "acknowledgement expired", each.alert.fingerprint))
                each.ack = None
                self.mark(each)
                each.told_ms = min(each.told_ms, now_ms - self.policy.repeat_ms)  # and people hear of it again
        self._deeds += self.silences.expire(now_ms)
        self._turns.expire(now_ms)

    # As a plain value

    def names(self) -> Iterator[str]:
        """What its entries are called."""
        yield from (f"silence:{each.name}" for each in self.silences)
        yield from (f"standing:{name}" for name in self.standings)

    def changes(self) -> dict[str, Any]:
        """Entries that changed since the last call, each a JSON value; None stands for what is gone."""
        touched, self._touched = self._touched, set()
        found: dict[str, Any] = {f"silence:{name}": each for name, each in self.silences.changes().items()}
        for name in touched:
            known = self.standings.get(name)
            found[f"standing:{name}"] = known.packed() if known is not None else None
        return {"quiet": self._turns.packed()} | found if found else {}

    def packed(self) -> dict[str, Any]:
        """The whole state in the same entries."""
        self._touched = set(self.standings)
        silences = {f"silence:{name}": each for name, each in self.silences.packed().items()}
        return {"quiet": self._turns.packed()} | silences | self.changes()

    @classmethod
    def restore(
        cls, policy: Policy, packed: dict[str, Any], notify: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    ) -> Desk:
        """A desk that goes on where another stopped. `notify` is whom the rules name now, by rule."""
        desk = cls(policy, notify)
        for name, each in packed.items():
            kind = name.partition(":")[0]
            if each is None:
                continue
            if kind == "quiet":
                desk._turns.restore(each)
            elif kind == "silence":
                desk.silences.restore(Silence.read(each))
            else:
                desk.place(Standing.unpacked(each))
        desk._touched = set()
        return desk
