"""An agent's process on simulated time: the product's recorder, spool and delivery, and its link to the broker.

What the agent does by timers (edge_agent/agent.py) and at a socket (edge_agent/delivery/uplink.py) happens here by
events.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from collector.broker.inbox import Arrived
from edge_agent.delivery import spool_owner
from edge_agent.delivery.delivery import Delivery
from edge_agent.recorder import Recorder
from simulator.world.broker import Broker, Session
from simulator.world.clock import Clock
from wire import ack as wire_ack
from wire import names, signed, status

RECONNECT_MS = (1_000, 10_000)


class Agent:
    """One node. Who inherits makes `recorder` and `delivery` at each start, and says when it does what."""

    recorder: Recorder
    delivery: Delivery

    def __init__(self, node: str, site: str, clock: Clock, broker: Broker, rng: random.Random) -> None:
        self.node, self.site = node, site
        self.up = False
        self.linked = True
        self._clock, self._broker, self._rng = clock, broker, rng
        self._session: Session | None = None
        self._announced: tuple[str, ...] = ()
        self._life = 0

    def begin_life(self) -> None:
        """The process begins: what an earlier one set itself to do is not done."""
        self.up = True
        self._life += 1
        self._announced = ()

    # -- the link -------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Reach the broker, now or by trying again."""
        topic = names.ack(self.node)
        if self.linked:
            self._session = self._broker.connect(self.node, topic.__eq__, self.receive, self._lost_link)
        if self._session is None:
            self.once(self._rng.randrange(*RECONNECT_MS), self.connect)
            return
        self._announce()
        self.delivery.on_connect(self._clock.now_s)

    def leave(self) -> None:
        """The connection ends without a word: the broker tells the last will."""
        if self._session is not None:
            self._broker.disconnect(self._session)
            death = status.Death(self.node, self._named(), "lost")
            self._broker.publish(names.status(self.node), status.encode(death), retain=True)

    def receive(self, message: Arrived) -> None:
        """An acknowledgement or hello."""
        heard = wire_ack.decode(signed.open_sealed(message.topic, message.payload))
        now_s = self._clock.now_s
        if isinstance(heard, wire_ack.Hello):
            self.delivery.on_hello(heard, self.recorder.spool.next_seq, now_s, self._named())
        else:
            self.answered(heard, self.delivery.on_ack(heard, now_s))
        self.pump()

    def answered(self, heard: wire_ack.Ack, released: list[int]) -> None:
        """These batches of an acknowledgement were waiting, and are let go."""

    def pump(self) -> None:
        """Send what is due."""
        for sealed in self.delivery.due(self._clock.now_s):
            content_type = names.REPLAY if sealed.replay else None
            self._broker.publish(names.data(self.node), sealed.data, content_type=content_type)

    def obey(self) -> None:
        """Do to the spool what delivery asks for."""
        if spool_owner.obey(self.delivery, self.recorder.spool, self._announced, self._clock.now_ms):
            self._announce()

    def sensors(self) -> tuple[status.Sensor, ...]:
        """What its birth names."""
        return ()

    def _announce(self) -> None:
        if self._session is None:
            return
        spool = self.recorder.spool
        birth = status.Birth(
            self.node, self.site, self._named(), spool.spools(), spool.next_seq, spool.depth().oldest_ms, "sim",
            self.recorder.timeline.state, self.sensors(),
        )  # fmt: skip
        self._broker.publish(names.status(self.node), status.encode(birth), retain=True)
        self._announced = birth.spools

    def _lost_link(self) -> None:
        self._session = None
        if self.up:
            self.delivery.on_disconnect()
            self.once(self._rng.randrange(*RECONNECT_MS), self.connect)

    def _named(self) -> str:
        return f"{self._life:016x}"

    # -- time -----------------------------------------------------------------------------------------------------

    def repeat(self, period_ms: int, what: Callable[[], None], aligned: bool = False) -> None:
        """Again and again, as long as this process lives; aligned ones at full periods, as the agent's seconds."""
        clock, life = self._clock, self._life

        def again() -> None:
            if self.up and self._life == life:
                what()
                clock.after(period_ms, again)

        clock.after(period_ms - clock.now_ms % period_ms if aligned else self._rng.randrange(1, period_ms), again)

    def once(self, wait_ms: int, what: Callable[[], None]) -> None:
        """Later, if this process lives then."""
        life = self._life
        self._clock.after(wait_ms, lambda: what() if self.up and self._life == life else None)
