"""The collector's MQTT connection: one seam, one queue, back-pressure by the broker.

A thread of its own keeps the connection; what arrives goes into the inbox, which says when it is acknowledged.
"""

from __future__ import annotations

import logging
import math
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

import mqtt5

from collector.broker.inbox import Arrived, GoesAhead, Inbox, nothing_hurries
from collector.broker.mqtt_session import PACKET_BYTES_MAX, Broken, Outbox, Outgoing, Refused, Session
from collector.broker.pipe import Pipe
from collector.health.health import AWAY, Trouble
from common.comings import Comings
from common.settings import BrokerAddress
from wire import names
from wire.collector_status import LAST_WORD
from wire.exits import reason

log = logging.getLogger("lamppost.link")

RECEIVE_MAXIMUM = 200
KEEPALIVE_S = 30
ACK_EXPIRY_S = 60
CONNECT_S = 10.0
PAUSE_S_MIN, PAUSE_S_MAX = 1.0, 15.0
FAREWELL_S = 3.0


class Link:
    """Connects one collector. `take` gives what has arrived; `publish` may be called from the same thread.

    `goes_ahead` says what belongs into the live lane; set it before `start`. `trouble` is why it is not connected.
    """

    def __init__(self, broker: BrokerAddress, name: str) -> None:
        self.counts: Counter[str] = Counter()
        self.connected = False
        self.trouble: Trouble | None = AWAY
        self._broker = broker
        self._address = (broker.host, broker.port)
        self._name = name
        self.client_id = secret_id(name)
        self.goes_ahead: GoesAhead = nothing_hurries
        self._inbox: Inbox[Session] = Inbox(self.counts)
        self._generation = 0
        self._comings = Comings()
        self._outbox = Outbox()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._farewell_s = math.inf
        self._bell, self._rung = socket.socketpair()
        for end in (self._bell, self._rung):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def connection(self) -> int | None:
        """A number of its own for each connection, None while there is none."""
        return self._generation if self.connected else None

    def start(self) -> None:
        """Begin to connect, in the background; a broker that is away is tried again for ever."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye and end the network thread."""
        self.publish(names.collector_status(self._name), LAST_WORD, retain=True)  # a clean end sets off no will
        self._farewell_s = time.monotonic() + FAREWELL_S
        self._ending.set()
        self._ring()
        if self._thread.is_alive():
            self._thread.join(FAREWELL_S + CONNECT_S)
        self._bell.close()
        self._rung.close()

    def wait(self, timeout_s: float, live: bool = False) -> None:
        """Until something has arrived, or something `live`, at most so long."""
        self._inbox.wait(timeout_s, live)

    def take(self, timeout_s: float = 0.0, count: int = 1000, live: bool = False) -> list[Arrived]:
        """Up to `count` messages, waiting at most `timeout_s` for the first; what is live first, or that alone."""
        self.wait(timeout_s, live)
        taken, paid = self._inbox.take(count, live)
        if paid:
            with self._lock:
                for session, packet_id in paid:
                    session.acknowledge(packet_id)
            self._ring()
        return taken

    def wake(self) -> None:
        """End a `wait` early."""
        self._inbox.wake()

    def publish(self, topic: str, payload: bytes, retain: bool = False, expiry_s: int | None = None) -> None:
        """Send at QoS 1. Nothing rests on its arrival: acknowledgements are answered again, states sent again."""
        self._put([Outgoing(topic, payload, retain, expiry_s)])

    def publish_all(self, messages: Iterable[tuple[str, bytes]], expiry_s: int) -> None:
        """Send these as `publish` does, and wake the network thread once: each waking costs both threads a turn."""
        self._put([Outgoing(topic, payload, False, expiry_s) for topic, payload in messages])

    def _put(self, messages: list[Outgoing]) -> None:
        with self._lock:
            is_first = not self._outbox.waiting
            self.counts["publish_failed"] += sum(not self._outbox.put(message) for message in messages)
        if is_first and messages:
            self._ring()

    # -- the network thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s, attempts = 0.0, 0
        addresses = self._broker.addresses()
        while not self._ending.wait(pause_s):
            generation, lost = self._generation, ""
            self._address = addresses[attempts % len(addresses)]  # the nodes of a cluster in turn
            attempts += 1
            try:
                with self._open() as sock:
                    self._converse(sock)
            except Refused as error:
                self.trouble = Trouble("broker_refuses", str(error))
                self._say_once("refused", logging.ERROR, f"refuses us: {error}")
            except (OSError, Broken) as error:
                self.trouble = Trouble("broker_away", reason(error))
                if self.connected:
                    lost = reason(error)
                else:
                    self._say_once("unreachable", logging.WARNING, f"does not answer ({reason(error)}); trying again")
            except Exception:
                self.trouble = AWAY
                log.exception("the connection to the broker failed; trying again")
            if self.connected:
                self.counts["disconnected"] += 1
                if self._comings.gone(time.monotonic()) and lost:
                    log.warning("connection to the broker lost: %s", lost)
            self.connected = False
            pause_s = 0.0 if generation != self._generation else 2 * pause_s
            pause_s = min(max(pause_s, PAUSE_S_MIN), PAUSE_S_MAX)

    def _say_once(self, what: str, level: int, text: str) -> None:
        if not self.counts[what]:
            log.log(level, "broker %s:%s %s", *self._address, text)
        self.counts[what] += 1

    def _open(self) -> socket.socket:
        sock = socket.create_connection(self._address, CONNECT_S)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._broker.tls is not None:
                sock = self._broker.tls().wrap_socket(sock, server_hostname=self._address[0])
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        return sock

    def _converse(self, sock: socket.socket) -> None:
        """Carry one connection until it ends. Raises OSError, Refused, Broken."""
        with self._lock:
            # Births first: a broker sends what it retains in the order of the subscriptions.
            wanted = (names.collector_status("+"), names.status("+"), names.data("+"), *names.questions())
            session = Session(self._connect_packet(), wanted, self._outbox)
        self._inbox.forget_owed()
        with Pipe(sock, self._rung) as pipe:
            heard_s = spoke_s = time.monotonic()
            while not self._is_said(session, pipe):
                data = pipe.turn(self._outgoing(session), session.keepalive_s / 4)
                now_s = time.monotonic()
                if data:
                    self._deliver(session, data)
                    heard_s = now_s if session.up else heard_s  # who trickles its welcome is not there
                if self.connected and self._comings.there(now_s):
                    self.counts["refused"] = self.counts["unreachable"] = 0
                    log.info("connected to broker %s:%s", *self._address)
                if pipe.wrote:
                    spoke_s = now_s
                elif now_s - spoke_s > session.keepalive_s / 2:
                    session.ping()
                if now_s - heard_s > 1.5 * session.keepalive_s:
                    raise Broken("silence")

    def _is_said(self, session: Session, pipe: Pipe) -> bool:
        """True when the program ends and everything is said, or nobody listens; then the goodbye is said too."""
        if not self._ending.is_set():
            return False
        with self._lock:
            more = session.up and bool(self._outbox.waiting or self._outbox.unanswered)
        if more and time.monotonic() < self._farewell_s:
            return False
        session.goodbye()
        with suppress(OSError):
            pipe.turn(self._outgoing(session), 0)
        return True

    def _connect_packet(self) -> mqtt5.ConnectPacket:
        password = self._broker.password
        topic = names.collector_status(self._name)
        return mqtt5.ConnectPacket(
            self.client_id,
            username=self._broker.username,
            password=None if password is None else password.encode(),
            clean_start=True,
            will=mqtt5.Will(topic, payload=LAST_WORD, qos=mqtt5.QoS.AT_LEAST_ONCE, retain=True),
            keep_alive=KEEPALIVE_S,
            receive_max=RECEIVE_MAXIMUM,
            max_packet_size=PACKET_BYTES_MAX,
        )

    def _outgoing(self, session: Session) -> bytes:
        with self._lock:
            session.send_waiting()
            data = b"".join(session.out)
            session.out.clear()
        return data

    def _deliver(self, session: Session, data: bytes) -> None:
        with self._lock:
            packets = session.receive(data)
        arrived = []
        for packet in packets:
            found = Arrived(packet.topic, packet.payload, packet.retain, packet.content_type)
            arrived.append((packet.packet_id, Arrived(*found[:4], live=True) if self.goes_ahead(found) else found))
        received = self._inbox.put(session, arrived)
        with self._lock:
            for packet_id in received:
                session.acknowledge(packet_id)
        if session.up and not self.connected:
            self._generation += 1
            self.connected, self.trouble = True, None
        if session.counts:
            self.counts.update(session.counts)
            session.counts.clear()

    def _ring(self) -> None:
        """Wake the network thread. A full or closed bell has rung already."""
        with suppress(OSError):
            self._bell.send(b"\0")


def secret_id(name: str) -> str:
    """As what a collector connects, in this life: a broker lets each station take every id, and ends who had it."""
    return f"collector-{name}-{secrets.token_hex(8)}"
