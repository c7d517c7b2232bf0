"""The collector: what arrives is taken, written, watched and answered, in that order.

    Link.take > Ingest.take > Ingest.write (the store says yes) > Rollups > Alerting > acknowledgements > Teller

One thread does all of it, but for what waits for the database, which others do; the pages read from others. Rounds are
short, and what is live (delivery/live_lane.py) is taken first in each, also while there is no room for a backlog.
Of several collectors on one broker one works and the others stand by (turn.py): those keep up with who is there
(presence.py), and let batches pass. With workers the pipeline (pipeline.py) is theirs, and all else stays as it is.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version

from collector.adapters.guests import Guests
from collector.alerts.alerting import Alerting
from collector.alerts.announcer import Announcer
from collector.alerts.loading import load_rules
from collector.alerts.self_watch import Faults
from collector.broker.inbox import Arrived
from collector.broker.link import ACK_EXPIRY_S, Link
from collector.broker.link_311 import Link311, make_link
from collector.clock import wall_ms
from collector.config import Config
from collector.delivery.live_lane import LiveLane
from collector.delivery.pace import QUESTION_UNITS, Pace
from collector.delivery.registry import Registry
from collector.files.statedb import open_state
from collector.health.canary import make_canary
from collector.health.certificates import Certificates
from collector.health.health import Health, health
from collector.health.mishaps import Mishaps
from collector.health.self_report import SelfReport, path_beside
from collector.identity.signing import signing_key
from collector.notify import setup
from collector.numbers.calibration import Calibrations
from collector.numbers.shared_calibrations import SharedCalibrations
from collector.pipeline import IDLE_S, Intake, Pipeline, Windows, Written, make_pipeline
from collector.rules.fields import OWN_LINK
from collector.standby.turn import Turn
from collector.stations.presence import Presence
from collector.stations.technician import TechnicianDesk
from collector.stores import care
from collector.stores.named import make_store
from collector.stores.store import Store, Stored, StoreDown, at_once
from collector.timers import passed
from collector.web.desk.api_tokens import ApiTokens
from collector.web.desk.file import DeskFile
from collector.workers.pool import WorkerPool
from collector.writers import Writers
from common.settings import broker_address
from device_profiles.catalogue import load as load_catalogue
from wire import names, signed
from wire.collector_status import State

log = logging.getLogger("lamppost.collector")

LAST_WRITE_S = 10.0
TAKE_AT_ONCE = 10
TAKE_S = 0.02  # what is live next waits for no longer round than that
ROUND_S_MAX = 3600.0
REFRESH_MS = 200  # a question to our own file in every round would let the readers of pages go first each time


class Collector:
    """One collector. Built from settings; `start` begins work, `stop` ends it.

    A simulator hands in a store, a link and a clock of its own and calls `step` itself.
    """

    def __init__(
        self,
        config: Config,
        on_event: Callable[[dict[str, object]], None] = lambda _: None,
        store: Store | None = None,
        link: Link | Link311 | None = None,
        now_ms: Callable[[], int] | None = None,
        workers: int = 1,
        quiet: bool = False,
    ) -> None:
        clock = now_ms or wall_ms
        self.config = config
        self.counts: Counter[str] = Counter()
        self.store = store or make_store(config)
        state = open_state(config.state_file)
        self.registry = Registry(state)
        self.calibrations = Calibrations(state)
        self.link = link or make_link(broker_address(config.broker), config.name)
        lane = LiveLane()  # asked in the thread of the connection
        self.link.goes_ahead = lambda m: lane.goes_ahead(m.topic, m.payload, m.retained or m.again, clock())
        key, own_version = signing_key(config), version("lamppost")
        self.pipeline: Pipeline = (
            WorkerPool(config, workers, self.registry, quiet) if workers > 1
            else make_pipeline(config, self.store, self.registry, state, self.calibrations)
        )  # fmt: skip
        self.ingest: Intake = self.pipeline.ingest
        self.rollups: Windows = self.pipeline.rollups
        self.shared = SharedCalibrations(self.calibrations, self.store, self.ingest.alarm)
        self.turn = Turn(config.name, own_version, self.link, self.counts, self.ingest.alarm)
        self.report = SelfReport(path_beside(config.state_file), config.name)
        self.pace = Pace(config.rate_per_node)
        self.technician = TechnicianDesk(
            self.store, self.registry, state, load_catalogue(None), lambda: self.ingest.alarms.get("store")
        )
        self.guests = Guests()
        desk = DeskFile(config.desk_file)
        self.alerting = Alerting(
            load_rules(config.rules), state, self.store, setup.telling(config), self.registry.nodes(), clock(),
            desk, config.places(),
        )  # fmt: skip
        self.mishaps = Mishaps(self.counts, self.ingest.alarm, config.state_file, config.desk_file)
        self.alerting.watch.on_broken = self.mishaps.broken_by
        self.presence = Presence(
            self.registry, self.pipeline, self.alerting.watch, self.turn, self.counts, on_event, clock()
        )
        self.announcer = Announcer(self.alerting, self.link, key, self.mishaps, on_event)
        self.teller = setup.teller(config, self.alerting, clock)
        self.certificates = Certificates(config, ApiTokens(desk).listed)
        self.canary = make_canary(config, self.store, own_version, lambda: self.ingest.alarms.get("state"))
        self._key, self._on_event, self._state = key, on_event, state
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._faults = Faults()
        self._writers: Writers | None = None
        self._refreshed_ms, self._stepped_s, self._worked_s = 0, self._seconds(), 0.0

    def start(self) -> None:
        """Begin to work; returns at once."""
        answer = self.store.prepare()
        if not isinstance(answer, Stored):
            log.warning("the database is not ready: %s; readings stay with their agents until it is", answer.reason)
        else:
            self._look_whether_it_keeps()
        self.pipeline.start(self.link.wake)
        self._writers = Writers(4, self.link.wake)  # one for the desk's file, which a person's command may hold
        self.alerting.points.aside = self.alerting.trail.aside = self._writers.aside
        self.link.start()
        self.teller.start()
        if self.canary is not None:
            self.canary.start()
        self._thread.start()

    def stop(self) -> None:
        """Write and answer what has arrived, then let go of everything; also of what was never started."""
        self._ending.set()
        self.link.wake()
        if self._thread.is_alive():
            self._thread.join(timeout=15)
        if self.canary is not None:
            self.canary.stop()
        self.teller.stop()
        self.link.stop()
        self.pipeline.stop()
        if self._writers is not None:
            self._writers.stop()
        self.close()

    def close(self) -> None:
        """Let go of the files, when nothing works on them any more."""
        self.alerting.close()
        self.store.close()
        self._state.close()

    def health(self) -> Health:
        """Whether the ingest goes round, and which part is wrong. Safe to call from any thread."""
        ago_s = self._seconds() - self._stepped_s
        state, others = str(self.turn.standby.state), self.turn.others()
        return health(ago_s, self.link.trouble, self.ingest.alarms.get("store"), state, others)

    def moves(self) -> bool:
        """Whether the ingest has done anything since this was asked last. A round may take minutes, as when the rules
        catch up with the day of a large city; one that waits for what never comes hangs, and a new start helps.
        """
        ident = self._thread.ident
        if ident is None or not self._thread.is_alive():
            return False
        before_s, self._worked_s = self._worked_s, time.clock_gettime(time.pthread_getcpuclockid(ident))
        return self._worked_s > before_s and self._seconds() - self._stepped_s < ROUND_S_MAX

    def _look_whether_it_keeps(self) -> None:
        """A database that takes everything and keeps nothing looks like one that is well, to us and to every agent."""
        try:
            trouble = care.probe(self.store, self.config.name, wall_ms())
        except StoreDown as error:
            log.error("whether the database keeps what it takes could not be seen: %s", error)
            return
        if trouble is not None:
            cure = "`store` in the settings, a new start, `lamppost resend` for what agents still hold (a day)"
            self.ingest.alarm("canary", f"the database takes readings and keeps none: {trouble}. Cure: {cure}")

    def _run(self) -> None:
        while not self._ending.is_set():
            if self.ingest.has_room(live=True):
                self.link.wait(self.ingest.idle_s(IDLE_S), live=not self.ingest.has_room())
            else:
                self.ingest.wait(IDLE_S)
            self._try(self.step)  # the time of the answer is never that before the waiting
            self._try(self._report)
        self._try(self.step)
        self.pipeline.finish(self._seconds() + LAST_WRITE_S, lambda: self._try(self.step))
        if self.turn.active:
            self._try(self._tell)

    def _report(self, now_ms: int) -> None:
        if self.canary is not None and self.canary.wrong is not None:
            self.ingest.alarms.sound("canary-round", f"the canary is silent: {self.canary.wrong}")
        self.ingest.alarms.look(now_ms)
        counts = self.counts + self.ingest.counts + self.link.counts
        self.report.tell(counts, self.ingest.alarms, self.ingest.pending_rows(), now_ms)

    def _try(self, work: Callable[[int], None]) -> None:
        try:
            work(wall_ms())
        except sqlite3.Error as error:  # our own file: nothing is answered that is not kept, so it comes again
            self.mishaps.state_failed(str(error))
            self._ending.wait(IDLE_S)  # it will fail again at once
        except Exception as error:  # noqa: BLE001 - a round that breaks is not the last one
            self.mishaps.broken_by("a round of the ingest", error)
            self._ending.wait(IDLE_S)

    def step(self, now_ms: int) -> None:
        """One round: take what has arrived, see whose turn it is, write, let the rules look, answer."""
        self._stepped_s = self._seconds()
        if passed(now_ms, self._refreshed_ms, REFRESH_MS):
            self._refreshed_ms = now_ms
            self.calibrations.refresh()
            if self.turn.active:
                self.shared.look(self._writers.aside if self._writers is not None else at_once, now_ms)
            self.mishaps.state_is_kept()
            if (ending := self.certificates.look(now_ms)) is not None:
                self.ingest.alarm("certificate", ending)
        self.presence.look(self.link.connection, self._seconds(), now_ms)
        for message in self._arrived(now_ms):
            self._receive(message, now_ms)
        self._greet(now_ms)
        self._see_whose_turn(now_ms)
        self._watch(self.ingest.write(now_ms), now_ms)
        self._answer(now_ms)

    def _arrived(self, now_ms: int) -> Iterator[Arrived]:
        """What has come, as long as there is room for it; the rest waits in the link, and then at the broker."""
        yield from self.guests.take(now_ms)
        until_s = self._seconds() + TAKE_S
        while self.ingest.has_room(live=True):
            messages = self.link.take(count=TAKE_AT_ONCE, live=not self.ingest.has_room())
            yield from messages
            if not messages or self._seconds() >= until_s:
                return

    def _receive(self, message: Arrived, now_ms: int) -> None:
        try:
            self._pass_on(message, now_ms)
        except sqlite3.Error as error:  # our own file: this one is not answered, and comes again
            self.mishaps.state_failed(str(error))
        except Exception as error:  # noqa: BLE001 - one message that breaks us may not stop the others
            self.mishaps.broken_by(f"a message on {message.topic}", error)

    def _pass_on(self, message: Arrived, now_ms: int) -> None:
        address = names.address(message.topic)
        if address is None:
            self.turn.hear(message, self._seconds())
            return
        if address.channel != "status" and not message.retained:
            self.presence.lives(address.node, now_ms)
        if address.channel in ("data", "data/replay"):
            self._on_batch(address.node, message, now_ms)
        elif not self.pace.admits(address.node, len(message.payload), now_ms, QUESTION_UNITS):
            self.counts["put_off"] += 1
            self.ingest.alarm(*self.pace.says(address.node))
        elif address.channel == "status":
            self.presence.hear(address.node, message.payload, now_ms, message.retained)
        elif not message.retained and self.turn.active:
            self._on_question(address.node, address.channel.rpartition("/")[2], message.payload, now_ms)

    def _on_batch(self, node: str, message: Arrived, now_ms: int) -> None:
        """Take it, or let it pass: who stands by leaves it to the active one, and the sender sends it again."""
        if not self.turn.admits(message):
            return
        if not message.payload:
            self.counts["empty_batch"] += 1  # also our own, by which a retained one is cleared
            return
        self.ingest.take(node, message.payload, now_ms, message.again, message.live)
        if message.retained:
            self.counts["retained_batch"] += 1
            self.link.publish(message.topic, b"", retain=True)  # a later listener must not take it for new

    def _on_question(self, node: str, question: str, payload: bytes, now_ms: int) -> None:
        """A technician's tool on the node asks; whoever is written down as theirs answers."""
        answer = self.technician.answer(node, question, payload, now_ms) if question in names.QUESTIONS else None
        if answer is None:
            self.counts["question_refused"] += 1
        else:
            topic = names.request(node, question)
            self.link.publish(topic, signed.seal(topic, answer, self._key), expiry_s=ACK_EXPIRY_S)

    def _greet(self, now_ms: int) -> None:
        """Answer the births of a round when they are kept, all in one commit.

        A disk that takes none of them holds up no reading: they are in memory, and the broker has them.
        """
        try:
            self.registry.save()
        except sqlite3.Error as error:
            self.mishaps.state_failed(str(error))
        self.presence.greet(now_ms)

    def _see_whose_turn(self, now_ms: int) -> None:
        now_s = self._seconds()
        if self.turn.decide(now_s, now_ms) is State.ACTIVE:
            self._take_over(now_ms)
        self.turn.tell(now_s, now_ms)

    def _take_over(self, now_ms: int) -> None:
        """This collector works from now on. What another may have done meanwhile is looked up, not remembered."""
        self.ingest.look_up()
        self.shared.look_up()
        if not self.turn.alone:
            self.rollups.look_up(now_ms)
            self.alerting.follow(self.registry.nodes(), now_ms)
        self.presence.greet_all(now_ms)
        for message in self.turn.held():
            self._receive(message, now_ms)

    def _watch(self, written: Sequence[Written], now_ms: int) -> None:
        """The rules see what is in the database, never what may not get there."""
        for work in written:  # before anything that needs our own file: it may fail, and these rows come once
            self.alerting.watch.observe(work.tables, now_ms)
            self.rollups.observe(work.tables, now_ms)
        for work in written:
            self._on_event({"type": "readings", "node": work.node, "site": work.site})
        # Who stands by closes the hours that it has begun.
        rolled = self.rollups.step(now_ms, busy=self.ingest.pending_rows() > 0)
        if not self.turn.active:
            self._tell_of_itself(now_ms)
            return
        self.alerting.watch.observe(rolled, now_ms)
        if self.announcer.is_due(bool(written), now_ms):
            self._tell(now_ms)

    def _tell(self, now_ms: int) -> None:
        self.presence.count(now_ms)
        if deaf := self.alerting.deaf(now_ms):
            text = f"no message gets through {', '.join(sorted(deaf))}. Cure: lamppost notify log tells why"
            self.ingest.alarms.sound("undelivered", text)
        wrong = self._faults.found(self.ingest.alarms, self.ingest.counts, now_ms)
        self.announcer.tell(wrong, now_ms)

    def _tell_of_itself(self, now_ms: int) -> None:
        """Another works, or nobody knows yet: what is told is that there is no broker, when that lasts."""
        cut_off = self.turn.cut_off(self._seconds())
        wrong = {} if cut_off is None else {("collector-broker", OWN_LINK): cut_off}
        self.announcer.rest(wrong, self.turn.standby.state, now_ms)

    def _answer(self, now_ms: int) -> None:
        answers = self.pipeline.answers(now_ms)
        self.link.publish_all([each for each in answers if not self.guests.answered(*each)], ACK_EXPIRY_S)

    @staticmethod
    def _seconds() -> float:
        return time.monotonic()
