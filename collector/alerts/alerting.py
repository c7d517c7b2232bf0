"""Alerting: what the rules say of what is in the database is kept, told and shown.

State, decision and telling are three things: the watch moves states, the desk decides who is told what, the tellers
tell. One step commits everything that it changed in one transaction: rules, history, desk, outbox, deeds. A stored
point and a retained message follow each change.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from collector.alerts import catch_up, deeds, points, shared_duty
from collector.alerts.book import Book
from collector.alerts.carrier import Carrier
from collector.alerts.duty import Duty
from collector.alerts.in_service import InService
from collector.alerts.retained import Change, Retained
from collector.alerts.self_watch import SelfWatch, Wrong
from collector.alerts.shared_duty import SharedDuty
from collector.alerts.shown import SHOWN_AFTER_MS, Shown, pending
from collector.alerts.unwritten import Unwritten
from collector.alerts.watch import Known, Watch
from collector.delivery.registry import Node
from collector.edge import Edge
from collector.files.sqlite_file import path_of
from collector.notify.teller import Teller
from collector.rules import handover
from collector.rules.desk import Desk
from collector.rules.fields import OWN_LINK
from collector.rules.lateness import LATENESS_MS
from collector.rules.outbox import GIVE_UP_MS, Outbox, Route
from collector.rules.policy import Policy
from collector.rules.rule import Rule
from collector.rules.series import Series
from collector.rules.silence import Silence
from collector.rules.transition import Transition
from collector.stations.places import Places
from collector.stores import care
from collector.stores.store import Store, StoreDown
from collector.timers import Waits
from collector.web.desk.file import DeskFile
from collector.web.site import AlertView
from wire.collector_status import State
from wire.times import HOUR_MS, MINUTE_MS

log = logging.getLogger("lamppost.alerts")

VIEWS_EVERY_MS: Final = 2_000
RETRY_MS: Final = 5_000
FORGET_EVERY_MS: Final = HOUR_MS
STORY_EVERY_MS: Final = 30_000
CLOCKS_MS: Final = MINUTE_MS
"""By so much the clocks of two collectors may differ."""
REPLACED: Final = "another collector works"
STANDS_BY: Final = {"refused": "this collector stands by; ask the one that works"}


class Telling(NamedTuple):
    """How people are told: how much they hear, and by which routes."""

    policy: Policy
    routes: dict[str, Route]


class Alerting:
    """All alerts of one collector. Used by the ingest thread; `current` and `ask` may be called from any."""

    def __init__(
        self,
        rules: list[Rule],
        db: sqlite3.Connection,
        store: Store,
        telling: Telling,
        nodes: list[Node],
        now_ms: int,
        trail: DeskFile,
        places: Places,
    ) -> None:
        self._store = store
        self._book = Book(db)
        self.points = Carrier(self._book.unstored, partial(points.write, store), self._book.stored)
        write_trail = partial(deeds.write, trail, Edge(log))
        self.trail = Carrier(self._book.untrailed, write_trail, self._book.trailed)
        saved = self._book.rules()
        self._desk_ms: int = saved.pop("desk", 0)  # when it changed last
        self.watch = Watch(rules, store, InService(nodes, places, trail), saved, now_ms)
        notify = {rule.alert: rule.notify for rule in rules}
        self.desk = Desk.restore(telling.policy, self._book.desk(), notify)
        since_ms = now_ms - 2 * GIVE_UP_MS  # what was given up within a day, after a day
        self.outbox = Outbox.restore(telling.routes, self._book.outbox(since_ms), now_ms)
        self._tell_book = Book.open(path_of(db))
        self._duty = Duty(self.desk, self.outbox, self._tell_book.fingerprints, self._tell_book.buried)
        self._retained = Retained(self._book)
        self._shared = SharedDuty(store)
        self._shared.note(self.desk, self.desk.names())
        self.teller: Teller | None = None
        self._desk_file = trail
        self._lock: Any = threading.RLock()
        self._found: list[Transition] = []
        self._self_watch = SelfWatch(each.alert for each in self.desk.standings.values() if each.firing)
        self._state = State.UNDECIDED
        self._story: Future[list[Transition]] | None = None
        self._unwritten = Unwritten()
        self._changes: list[Change] = []
        self.trouble: str | None = None
        self._waits, self._edge = Waits(), Edge(log)
        self._shown = Shown(self.desk, self.watch.rules)
        self._shown.remember(each.transition for each in self._book.transitions(now_ms - SHOWN_AFTER_MS))
        self._shown.remember(each.alert for each in self.desk.standings.values() if each.firing)
        self._look_around(now_ms)

    def tell_by(self, teller: Teller) -> None:
        """The tellers of this outbox; they and this share one lock."""
        self.teller, self._lock = teller, teller.lock

    def save_outbox(self, *changes: Any) -> None:
        """Commit what became of deliveries: the tellers' half. The caller holds the lock. Raises sqlite3.Error."""
        self._unwritten.add_outbox(*changes)
        self._write(self._tell_book)

    def close(self) -> None:
        """Save what is not saved, as far as that takes no more than a moment, and let go of the file."""
        with self._lock:
            self._put_people(self._desk_ms)
            if not self._found:  # else the next life would take them for told
                self._unwritten.rules |= self.watch.last_unsaved()
            try:
                self._write(self._book)
            except sqlite3.Error as error:
                log.error("what the alerts knew last is not saved: %s", error)
        self._tell_book.close()
        self._desk_file.close()

    # What comes in

    def own_state(self, connected: bool, wrong: Wrong, now_ms: int) -> None:
        """The collector's own link to the broker, and what else is wrong with it."""
        self.watch.own_state(connected, wrong, now_ms)
        self._found += self._self_watch.look(wrong, now_ms)

    def deaf(self, now_ms: int) -> set[str]:
        """Channels through which no message gets."""
        with self._lock:
            return self.outbox.deaf(now_ms)

    def follow(self, nodes: list[Node], now_ms: int) -> None:
        """Another collector has worked until now: what the rules and the desk knew of episodes is out of date."""
        self.watch.follow(nodes, now_ms)
        with self._lock:
            self._shown.forget_others()

    def _take_over(self, now_ms: int) -> None:
        """What was said lately by another, nobody knows whether it was told: it is told again, under the same key."""
        sure_ms, group_ms = now_ms - LATENESS_MS, self.desk.policy.group_ms
        story = catch_up.take_over(self.watch, sure_ms - 2 * group_ms, now_ms)
        told: list[Transition] = []
        unsure: list[Transition] = []
        for each, goes_ms in zip(story, catch_up.turns_ms(story, group_ms), strict=True):
            (told if goes_ms < sure_ms or self._book.is_known(each) else unsure).append(each)
        found = shared_duty.read(self._store, now_ms)
        others = {name: body for name, (at_ms, body) in found.items() if at_ms > self._desk_ms - CLOCKS_MS}
        with self._lock:
            unread = handover.recall(self.desk, others, now_ms)
            self.desk.adopt(catch_up.firing_at(told, lambda _: now_ms + 1), now_ms)
            self.desk.hear_again(unsure, now_ms)  # before what the rules make of it: people may have been told
            if unread := unread + handover.take_over(self.desk, others, now_ms):
                log.warning("said at the collector before, and of another version than this one: %s", " ".join(unread))
            self._shared.take_over({name: body for name, (_, body) in found.items()})
            self._shared.note(self.desk, self.desk.names())
            self._shown.remember(story)
            self._changes += self._retained.follow(self._shown.episodes.values(), self.desk.standings, now_ms)
        self._found += unsure
        self._found += catch_up.orphans(story, self.watch.rules, now_ms)

    # One step

    def tick(self, now_ms: int) -> list[Change]:
        """Commit what was said and asked since the last call; returns the retained messages that must be renewed.

        While the state file takes nothing, `trouble` says why, nobody is told anything, and nothing is lost.
        """
        self._state = State.ACTIVE
        return self._try_step(now_ms)

    def _try_step(self, now_ms: int) -> list[Change]:
        if not self._waits.is_due("state", now_ms):
            return []
        try:
            changes = self._step(now_ms)
        except sqlite3.Error as error:
            self._cannot_write(error, now_ms)
            return []
        if self.trouble is not None:
            log.warning("the state file takes alerts again")
            self.trouble = None
        return changes

    def rest(self, wrong: Wrong, state: State, now_ms: int) -> list[Change]:
        """A step of a collector that does not work: of itself alone it tells, and does nothing that people ask.

        Where another works, what was told of this one's link, and of what else was wrong with it, is over with its
        work; where nobody knows, it stays as it was.
        """
        self._state = state
        if state is State.STANDBY:
            said = {each.fingerprint for each in self._found}
            own = [each.alert for name, each in self.desk.standings.items() if each.firing and name not in said]
            links = [each for each in own if each.kind == OWN_LINK and each.cause == "offline"]
            self._found += [each.ended(now_ms, REPLACED) for each in links]
            self._read_along(now_ms)
        else:
            wrong = self._self_watch.told() | wrong
        self._found += self._self_watch.look(wrong, now_ms)
        return self._try_step(now_ms)

    def _read_along(self, now_ms: int) -> None:
        """Have shown what the one that works has said, as the database knows it: what is known here is of before."""
        if self._story is None:
            if self._waits.comes_round("story", now_ms, STORY_EVERY_MS):
                since_ms = now_ms - SHOWN_AFTER_MS
                self._story = self.points.aside(partial(points.story, self._store, self.watch.rules, since_ms))
        elif self._story.done():
            done, self._story = self._story, None
            with suppress(StoreDown), self._lock:  # asked again soon
                story = done.result()
                self._shown.forget_others()
                self._shown.remember(story)

    def _cannot_write(self, error: sqlite3.Error, now_ms: int) -> None:
        self._waits.put_off("state", now_ms, RETRY_MS)
        if self.trouble is None:
            log.error("alerts wait, the state file cannot be written: %s", error)
        self.trouble = str(error)

    def _step(self, now_ms: int) -> list[Change]:
        with self._lock:
            self._write(self._book)  # what could not be written before
        if self._works and (self.watch.is_up_to_date or self._catch_up(now_ms)):  # else our own troubles alone are news
            self._found += self.watch.tick(now_ms)
        replayed = self.watch.known is Known.NEW
        said = self._found + (self._lost(self._found, now_ms) if replayed else [])
        fresh = [self._signed(each) for each in said if not (each.late or replayed) or not self._book.is_known(each)]
        asked = self._book.asked() if self._state is State.STANDBY or not self._own_alone else []
        self._found = []  # from here on nothing is read, and the step is kept whole
        if replayed:
            self.watch.known = Known.ALL
        with self._lock:
            self.desk.hear(fresh, now_ms)
            told, changes = self._answer(asked, fresh, now_ms, replayed)
            for each in fresh:
                log.warning("%s %s %s%s", each.state, each.key, each.text_en, " (history)" if each.late else "")
            self._shown.remember(fresh)
            self._changes += changes
            self._write(self._book)
        if told and self.teller is not None:
            self.teller.wake()
        if fresh or told or self._waits.is_due("views", now_ms):
            self._waits.put_off("views", now_ms, VIEWS_EVERY_MS)
            self._look_around(now_ms)
        self._pass_on(now_ms)
        changes, self._changes = self._changes, []
        return changes

    def _pass_on(self, now_ms: int) -> None:
        """What is kept here goes to the database and the audit trail as well, and in the end from here."""
        self.points.step(now_ms)
        if not self._own_alone:
            with self._lock:
                self._shared.step(self.points.aside, now_ms)
        if self._waits.comes_round("forget", now_ms, FORGET_EVERY_MS):
            with self._book.commit():
                self._book.forget(now_ms)
            with self._lock:
                self.outbox.forget(now_ms)
        self.trail.step(now_ms)

    def reconnected(self) -> list[Change]:
        """The broker is new to us: what it is to keep."""
        return self._retained.all()

    def current(self) -> list[AlertView]:
        """Pending and firing alerts, and those resolved within a day."""
        return list(self._shown.views)

    def standing(self, receiver: str) -> list[Transition]:
        """What a receiver was told of last: for those who must hear it again and again.

        While another works, of this collector itself alone: all else may be over by what that one has said.
        """
        with self._lock:
            told = self.desk.told_to(receiver)
        return told if self._works else [each for each in told if each.kind == OWN_LINK]

    def ask(self, verb: str, asked: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """Ask the desk from any thread of this program; when this returns the answer is on disk, unless `trouble`, and
        `current` shows it."""
        return self.ask_all(verb, [asked], now_ms)[0]

    def ask_all(self, verb: str, asked: Sequence[dict[str, Any]], now_ms: int) -> list[dict[str, Any]]:
        """Ask the desk for many things in one commit; each has its answer."""
        with self._lock:
            if self.trouble is not None:
                return [{"refused": f"the state file cannot be written: {self.trouble}"} for _ in asked]
            if self._state is State.STANDBY:  # who tells would not know of it, and would call people all the same
                return [STANDS_BY for _ in asked]
            said = [self._duty.do(verb, each, now_ms) for each in asked]
            self._put_people(now_ms)
            try:
                self._write(self._tell_book)
            except sqlite3.Error as error:
                self._cannot_write(error, now_ms)
            self._shown.show(now_ms)
        return said

    def silences(self) -> list[Silence]:
        """Silences that have not ended, the first to end first; from any thread."""
        with self._lock:
            return sorted(self.desk.silences, key=lambda silence: silence.end_ms)

    # Within

    @property
    def _works(self) -> bool:
        return self._state is State.ACTIVE

    @property
    def _own_alone(self) -> bool:
        """Whether of all else that is known here nothing may be told: another works, or has until now."""
        return self.watch.known is Known.NOTHING or not self._works

    def _answer(
        self, asked: list[tuple[int, str, dict[str, Any]]], said: list[Transition], now_ms: int, replayed: bool
    ) -> tuple[bool, list[Change]]:
        """State, history, desk and outbox, for one transaction: a change is told, or it has not happened."""
        stands_by = self._state is State.STANDBY
        self._unwritten.answers += [
            (number, STANDS_BY if stands_by else self._duty.do(verb, body, now_ms)) for number, verb, body in asked
        ]
        notes = self.desk.tick(now_ms, own_alone=self._own_alone)
        self.outbox.put(notes, now_ms)
        self._put_people(now_ms)
        changes = self._retained.changes(said, None if self._own_alone else self.desk.standings, now_ms)
        self._unwritten.retained |= self._retained.unsaved()
        self._unwritten.transitions += [(each, now_ms) for each in said]
        if self.watch.is_up_to_date and self._works:  # else whoever catches up next would begin too late
            self._unwritten.rules |= self.watch.unsaved(bool(said), replayed, now_ms)
        return bool(notes) or bool(asked), changes

    def _put_people(self, now_ms: int) -> None:
        self._unwritten.deeds += self._duty.deeds()
        if changes := self.desk.changes():
            self._desk_ms = now_ms
            self._unwritten.rules["desk"] = now_ms
        self._unwritten.desk |= changes
        self._shared.note(self.desk, changes)
        self._unwritten.add_outbox(*self.outbox.changes())

    def _write(self, book: Book) -> None:
        """Everything that is not on disk yet; no message that is not there leaves. Raises sqlite3.Error."""
        self.outbox.withheld = self._unwritten.deliveries.keys()
        self._unwritten.write(book)
        self.outbox.withheld = frozenset()

    def _catch_up(self, now_ms: int) -> bool:
        """Give the rules what the database has and they have not seen; False while the database is away."""
        if not self._waits.is_due("catch up", now_ms):
            return False
        try:
            care.ask_whether_it_answers(self._store)
            if self.watch.known is Known.NOTHING:
                self._take_over(now_ms)
            else:
                catch_up.replay(self.watch, now_ms)
        except StoreDown as error:
            self._waits.put_off("catch up", now_ms, RETRY_MS)
            self._edge.fails(f"the rules wait for the database: {error}")
            return False
        self._edge.is_over()
        self.watch.known = Known.NEW
        return True

    def _lost(self, said: list[Transition], now_ms: int) -> list[Transition]:
        """The end of what people were told of and the rules know nothing of: readings that the database has lost."""
        firing = self.watch.firing()
        spoken = {each.fingerprint for each in said}
        return [
            each.alert.ended(now_ms, "the readings behind it are gone")
            for each in self.desk.standings.values()
            if each.firing
            and each.alert.rule in self.watch.rules
            and each.alert.fingerprint not in spoken
            and (each.alert.rule, str(Series.of(each.alert.kind, each.alert.labels))) not in firing
        ]

    def _signed(self, each: Transition) -> Transition:
        """An end carries who had acknowledged its episode."""
        known = self.desk.standings.get(each.fingerprint)
        if each.state != "resolved" or known is None or known.ack is None or not each.is_of(known.alert):
            return each
        return replace(each, who=known.ack.who)

    def _look_around(self, now_ms: int) -> None:
        """What is shown, with what the rules know now; it is asked by its own thread alone."""
        waiting = pending(self.watch.engine.alerts()) if self._works else ()
        with self._lock:
            self._shown.look(waiting, now_ms)
