"""The collector: what arrives is taken, written, watched and answered, in that order.

    Link.take > Ingest.take > Ingest.write (the store says yes) > Rollups > Alerting > acknowledgements > Teller

One thread does all of it, but for the writes, whose answers others wait for; the pages read from others. Rounds are
short, and what is live (delivery/live_lane.py) is taken first in each, also while there is no room for a backlog.
Of several collectors on one broker one works and the others stand by (standby.py): those keep up with who is there,
and let batches pass. `_take_over` and `_stand_by` are the two moments in which that changes.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version

from collector import unforeseen
from collector.adapters.guests import Guests
from collector.alerts.alerting import Alerting
from collector.alerts.retained import Change
from collector.alerts.self_watch import Recent, Wrong, of_alarms
from collector.broker.link import ACK_EXPIRY_S, Arrived, Link
from collector.broker.link_311 import Link311, make_link
from collector.canary import Canary
from collector.config import Config
from collector.delivery import quick_json
from collector.delivery.ingest import Ingest
from collector.delivery.live_lane import LiveLane
from collector.delivery.pace import QUESTION_UNITS, Pace
from collector.delivery.registry import Registry
from collector.flapping import Flapping
from collector.health import Health, health
from collector.identity.signing import signing_key
from collector.notify import setup
from collector.notify.addresses import Inner
from collector.numbers.calibration import Calibrations
from collector.numbers.rollups import Rollups
from collector.pipeline import Intake, Windows, Writers, Written, make_pipeline
from collector.rules.fields import OWN_LINK
from collector.rules.loading import load_rules
from collector.self_report import SelfReport, path_beside
from collector.standby import Standby
from collector.statedb import open_state
from collector.stores import care
from collector.stores.named import make_store
from collector.stores.store import Store, Stored
from collector.technician import TechnicianDesk
from collector.timers import passed
from collector.web.desk.file import DeskFile
from device_profiles.catalogue import load as load_catalogue
from device_profiles.settings import broker_address
from wire import ack, collector_status, names, signed, status
from wire.collector_status import CollectorStatus, State

log = logging.getLogger("lamppost.collector")

IDLE_S = 0.2
LAST_WRITE_S = 10.0
TAKE_AT_ONCE = 10
TAKE_S = 0.02  # what is live next waits for no longer round than that
TICK_MS = 500
REFRESH_MS = 200  # a question to our own file in every round would let the readers of pages go first each time
TOLD_MS = 100  # what is new is told by as many ticks: many small writes may not cost one each
HELD_MAX = 10_000  # batches of the first second; one beyond comes again by the agent's timer
INVENTORY_MS = 30_000  # a fleet that comes back is counted once, not at every birth


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
    ) -> None:
        now_ms = now_ms or _now_ms
        self.config = config
        self._version = version("lamppost")  # read from a file; said every few seconds
        self.counts: Counter[str] = Counter()
        self.store = store or make_store(config)
        state = open_state(config.state_file)
        self.registry = Registry(state)
        self.calibrations = Calibrations(state)
        self.ingest, self.rollups = self._make_pipeline(state)
        self.report = SelfReport(path_beside(config.state_file), config.name)
        self.pace = Pace(config.rate_per_node)
        self._flapping = Flapping()
        self._linked: int | None = None
        self.technician = TechnicianDesk(self.store, self.registry, state, load_catalogue(None))
        self.link = link or make_link(broker_address(config.broker), config.name)
        self._live_lane, self._now_ms = LiveLane(), now_ms
        self.link.goes_ahead = self._goes_ahead
        self.guests = Guests()
        self.standby = Standby(config.name)
        self.alerting = Alerting(
            load_rules(config.rules), state, self.store, setup.telling(config), self.registry.nodes(), now_ms(),
            DeskFile(config.state_file.with_name("desk.db")), config.places(),
        )  # fmt: skip
        self.alerting.on_broken = self._broken_by
        self.teller = setup.teller(config, self.alerting, now_ms)
        self.canary = None
        if config.alerts.canary is not None:
            self.canary = Canary(
                config.name, broker_address(config.broker), self.store, config.alerts.canary, self._version,
                lambda: self.ingest.alarms.get("state"), Inner(config.alerts.inner),
            )  # fmt: skip
        self._key = signing_key(config)
        self._on_event = on_event
        self._state = state
        self._held: deque[Arrived] = deque(maxlen=HELD_MAX)
        self._born: list[status.Birth] = []  # in this round
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._writers: Writers | None = None
        self._ticked_ms, self._refreshed_ms, self._untold = 0, 0, False
        self._stepped_s = self._seconds()
        self._connection: int | None = None
        self._quarantined = Recent()
        self._inventory_due_ms = now_ms()

    def _make_pipeline(self, state: sqlite3.Connection) -> tuple[Intake, Windows]:
        """Who takes batches and makes windows of them: this process itself."""
        return make_pipeline(self.config, self.store, self.registry, state, self.calibrations)

    def _begin_pipeline(self) -> None:
        assert isinstance(self.ingest, Ingest)
        assert isinstance(self.rollups, Rollups)
        self._writers = Writers(self.ingest, self.rollups, self.link.wake)

    def _finish(self, until_s: float) -> None:
        """Answer what is under way: the program ends."""
        assert isinstance(self.ingest, Ingest)
        while self.ingest.is_writing() and self._seconds() < until_s:
            self.ingest.wait(IDLE_S)
            self.step(_now_ms())

    def start(self) -> None:
        """Begin to work; returns at once."""
        answer = self.store.prepare()
        if not isinstance(answer, Stored):
            log.warning("the database is not ready: %s; readings stay with their agents until it is", answer.reason)
        elif (trouble := care.probe(self.store, self.config.name, _now_ms())) is not None:
            log.error("the database cannot be trusted: %s", trouble)
        self._begin_pipeline()
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
        others = {name: str(peer.said.state) for name, peer in sorted(dict(self.standby.peers).items())}
        return health(ago_s, self.link.connected, self.ingest.alarms.get("store"), str(self.standby.state), others)

    def _run(self) -> None:
        while not self._ending.is_set():
            if self.ingest.has_room(live=True):
                self.link.wait(0 if self.ingest.has_answers() else IDLE_S, live=not self.ingest.has_room())
            else:
                self.ingest.wait(IDLE_S)
            try:
                self.step(_now_ms())  # the time of the answer is never that before the waiting
            except sqlite3.Error as error:  # our own file: nothing is answered that is not kept, so it comes again
                self._state_failed(str(error))
            except Exception as error:  # noqa: BLE001 - a round that breaks is not the last one
                self._broken_by("a round of the ingest", error)
                self._ending.wait(IDLE_S)  # it may break again at once
            self.ingest.alarms.look(_now_ms())
            counts = self.counts + self.ingest.counts + self.link.counts
            self.report.tell(counts, self.ingest.alarms, self.ingest.pending_rows(), _now_ms())
        self.step(_now_ms())
        self._finish(self._seconds() + LAST_WRITE_S)
        if self.standby.active:
            self._tell(_now_ms())

    def _broken_by(self, what: str, error: Exception) -> None:
        """Nobody foresaw it; a person is told. A message is not answered, so that its sender keeps it."""
        self.counts["unforeseen"] += 1
        self.ingest.alarm("unforeseen", unforeseen.words(what, error))

    def _state_failed(self, why: str) -> None:
        self.counts["state_failed"] += 1
        self.ingest.alarm("state", f"{self.config.state_file}: {why}. Cure: free space or replace the disk")

    def step(self, now_ms: int) -> None:
        """One round: take what has arrived, see whose turn it is, write, let the rules look, answer."""
        self._stepped_s = self._seconds()
        if passed(now_ms, self._refreshed_ms, REFRESH_MS):
            self._refreshed_ms = now_ms
            self.calibrations.refresh()
        for message in self._arrived(now_ms):
            try:
                self._receive(message, now_ms)
            except sqlite3.Error as error:  # our own file: this one is not answered, and comes again
                self._state_failed(str(error))
            except Exception as error:  # noqa: BLE001 - one message that breaks us may not stop the others
                self._broken_by(f"a message on {message.topic}", error)
        self._greet_born(now_ms)
        self._see_whose_turn(now_ms)
        self._watch(self.ingest.write(now_ms), now_ms)
        self._answer(now_ms)

    def _answer(self, now_ms: int) -> None:
        assert isinstance(self.ingest, Ingest)
        answers = [
            (topic := names.ack(node), signed.seal(topic, ack.encode(answer, quick_json.dumps), self._key))
            for node, answer in self.ingest.acks(now_ms)
            if not self.guests.answered(answer)
        ]
        self.link.publish_all(answers, ACK_EXPIRY_S)

    def _arrived(self, now_ms: int) -> Iterator[Arrived]:
        """What has come, as long as there is room for it; the rest waits in the link, and then at the broker."""
        yield from self.guests.take(now_ms)
        until_s = self._seconds() + TAKE_S
        while self.ingest.has_room(live=True):
            messages = self.link.take(count=TAKE_AT_ONCE, live=not self.ingest.has_room())
            yield from messages
            if not messages or self._seconds() >= until_s:
                return

    def _goes_ahead(self, message: Arrived) -> bool:
        """Called in the thread of the connection."""
        again = message.retained or message.again
        return self._live_lane.goes_ahead(message.topic, message.payload, again, self._now_ms())

    def _receive(self, message: Arrived, now_ms: int) -> None:
        address = names.address(message.topic)
        if address is None:
            self._from_collector(message)
        elif address.channel in ("data", "data/replay"):
            self._on_batch(address.node, message, now_ms)
        elif not self.pace.admits(address.node, len(message.payload), now_ms, QUESTION_UNITS):
            self.counts["put_off"] += 1
            self.ingest.alarm(*self.pace.says(address.node))
        elif address.channel == "status":
            self._on_status(address.node, message.payload, now_ms)
        elif not message.retained and self.standby.active:
            self._on_question(address.node, address.channel.rpartition("/")[2], message.payload, now_ms)

    def _on_question(self, node: str, question: str, payload: bytes, now_ms: int) -> None:
        """A technician's tool on the node asks; whoever is written down as theirs answers."""
        answer = self.technician.answer(node, question, payload, now_ms) if question in names.QUESTIONS else None
        if answer is None:
            self.counts["question_refused"] += 1
        else:
            self._send(names.request(node, question), answer, ACK_EXPIRY_S)

    def _on_batch(self, node: str, message: Arrived, now_ms: int) -> None:
        """Take it, or let it pass: who stands by leaves it to the active one, and the sender sends it again."""
        if self.standby.state is State.UNDECIDED:
            self._held.append(message)
            return
        if not self.standby.active:
            self.counts["left_to_active"] += 1
            return
        if not message.payload:
            self.counts["empty_batch"] += 1  # also our own, by which a retained one is cleared
        else:
            self.ingest.take(node, message.payload, now_ms, message.again, message.live)
        if message.retained and message.payload:
            self.counts["retained_batch"] += 1
            self.link.publish(message.topic, b"", retain=True)  # a later listener must not take it for new

    # -- whose turn it is -----------------------------------------------------------------------------------------

    def _from_collector(self, message: Arrived) -> None:
        name = names.collector_of(message.topic)
        if name is None:
            self.counts["foreign_topic"] += 1
            return
        try:
            self.standby.hear(name, collector_status.decode(message.payload), self._seconds())
        except collector_status.BadStatus as error:
            self.counts["bad_status"] += 1
            log.warning("status of collector %s is not obeyed: %s", name, error)

    def _see_whose_turn(self, now_ms: int) -> None:
        now_s = self._seconds()
        self._look_for_a_twin(now_ms)
        alone = not self.standby.peers
        state = self.standby.tick(self.link.connection, now_s, now_ms)
        if state is not None:
            log.log(logging.INFO if alone else logging.WARNING, "this collector is now %s", state)
        if state is State.ACTIVE:
            self._take_over(now_ms, alone)
        elif state is State.STANDBY:
            self._stand_by()
        if self.standby.due(now_s):
            said = CollectorStatus(self.standby.state, self.standby.since_ms, now_ms, self._version)
            self.link.publish(names.collector_status(self.config.name), collector_status.encode(said), retain=True)

    def _look_for_a_twin(self, now_ms: int) -> None:
        """Two collectors of one name push each other out, and a broker need not say why it ends a connection."""
        if self.link.connection in (None, self._linked):
            return
        self._linked = self.link.connection
        if self._flapping.note("collector", "link", now_ms):
            text = (
                f"the broker ends our connection again and again: is another collector on it called {self.config.name}?"
            )
            self.ingest.alarm("flapping", f"{text} Cure: give each a `name` of its own, or stop one")

    def _take_over(self, now_ms: int, alone: bool) -> None:
        """This collector works from now on. What another may have done meanwhile is looked up, not remembered.

        Every agent is greeted, and sends again at once what nobody has answered.
        """
        self.ingest.look_up()
        if not alone:
            self.rollups.look_up(now_ms)
            self.alerting.follow(self.registry.nodes(), now_ms)
        for node in self.registry.nodes():
            self.alerting.node_state(node.birth.node, node.online, now_ms)
        self._greet([node.birth for node in self.registry.nodes() if node.online], now_ms)
        self._inventory_due_ms = now_ms + INVENTORY_MS
        held, self._held = self._held, deque(maxlen=HELD_MAX)
        for message in held:
            self._receive(message, now_ms)

    def _stand_by(self) -> None:
        """Another works. What is pending here is still written and answered: that does no harm."""
        self.counts["left_to_active"] += len(self._held)
        self._held.clear()

    @staticmethod
    def _seconds() -> float:
        return time.monotonic()

    # -- what nodes say -------------------------------------------------------------------------------------------

    def _on_status(self, node: str, payload: bytes, now_ms: int) -> None:
        if not payload:
            self.counts["empty_status"] += 1
            return
        try:
            said = status.decode(node, payload)
        except status.BadStatus as error:
            self.counts["bad_status"] += 1
            log.warning("status of %s is not obeyed: %s", node, error)
            return
        if self.registry.update(said, now_ms):
            if isinstance(said, status.Birth) and self._flapping.note(node, said.session, now_ms):
                self.counts["flapping"] += 1
                text = (
                    f"the link of {node} comes and goes all the time: are there two of that name, a clone or a thief?"
                )
                self.ingest.alarm(f"flapping:{node}", text)
            if self.standby.active:
                self.alerting.node_state(node, isinstance(said, status.Birth), now_ms)
                self._inventory_due_ms = self._inventory_due_ms or now_ms + INVENTORY_MS
            self._on_event({"type": "node", "node": node, "online": isinstance(said, status.Birth)})
        elif isinstance(said, status.Death):
            self.counts["death_ignored"] += 1  # of another session than the one in force
        if isinstance(said, status.Birth) and self.standby.active:
            self._born.append(said)

    def _greet_born(self, now_ms: int) -> None:
        """Answer the births of a round when they are kept, all in one commit.

        A disk that takes none of them holds up no reading: they are in memory, and the broker has them.
        """
        try:
            self.registry.save()
        except sqlite3.Error as error:
            self._state_failed(str(error))
        born, self._born = self._born, []
        self._greet(born, now_ms)

    def _greet(self, births: Sequence[status.Birth], now_ms: int) -> None:
        """The hellos that answer births."""
        assert isinstance(self.ingest, Ingest)
        self.ingest.known.learn([(birth.node, spool) for birth in births for spool in birth.spools])
        for birth in births:
            self._send(names.ack(birth.node), ack.encode(self.ingest.hello(birth, now_ms)), ACK_EXPIRY_S)

    def _watch(self, written: Sequence[Written], now_ms: int) -> None:
        """The rules see what is in the database, never what may not get there."""
        for work in written:  # before anything that needs our own file: it may fail, and these rows come once
            self.alerting.observe(work.tables, now_ms)
            self.rollups.observe(work.tables, now_ms)
        for work in written:
            self._on_event({"type": "readings", "node": work.node, "site": work.site})
        # Who stands by closes the hours that it has begun.
        rolled = self.rollups.step(now_ms, busy=self.ingest.pending_rows() > 0)
        if not self.standby.active:
            return
        self.alerting.observe(rolled, now_ms)
        self._untold |= bool(written)
        if passed(now_ms, self._ticked_ms, TOLD_MS if self._untold else TICK_MS):
            self._tell(now_ms)

    def _tell(self, now_ms: int) -> None:
        """Let the rules say what they have found, and publish it."""
        self._ticked_ms, self._untold = now_ms, False
        if self._inventory_due_ms and not 0 < self._inventory_due_ms - now_ms <= INVENTORY_MS:
            self._inventory_due_ms = 0
            self.alerting.expect(self.registry.nodes(), now_ms)
        self.alerting.own_state(self.link.connection is not None, self._wrong(now_ms), now_ms)
        changes = self._tick_alerts(now_ms)
        if self.alerting.trouble is not None:
            self._state_failed(self.alerting.trouble)
        if self.link.connection not in (None, self._connection):
            self._connection = self.link.connection
            changes += self.alerting.reconnected()
        for change in changes:
            body = signed.seal(change.topic, change.body, self._key) if change.body else b""
            self.link.publish(change.topic, body, retain=True)
            self._on_event({"type": "alert", "fingerprint": change.fingerprint})

    def _tick_alerts(self, now_ms: int) -> list[Change]:
        try:
            return self.alerting.tick(now_ms)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - readings go on, whatever a rule breaks
            self._broken_by("a look at the rules", error)
            return []

    def _wrong(self, now_ms: int) -> Wrong:
        """What is wrong with the collector itself."""
        counts = self.ingest.counts
        grown = self._quarantined.grown(counts["quarantined_batches"] + counts["quarantined_rows"], now_ms)
        found = of_alarms(self.ingest.alarms)
        if self.canary is not None and self.canary.wrong is not None:
            found[("collector-canary", OWN_LINK)] = self.canary.wrong
        return found | ({("collector-quarantined", OWN_LINK): f"{grown}"} if grown else {})

    def _send(self, topic: str, body: bytes, expiry_s: int) -> None:
        self.link.publish(topic, signed.seal(topic, body, self._key), expiry_s=expiry_s)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
