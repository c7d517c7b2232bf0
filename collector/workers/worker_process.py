"""One worker as the receiver sees it: a process, a pipe, and the batches about which it has not said everything."""

from __future__ import annotations

import logging
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection

from collector.workers.messages import BATCHES, Beginning, Order, Report, send_orders, take_report

log = logging.getLogger("lamppost.workers")

IN_FLIGHT_BYTES: int = 16 * 1024 * 1024
LIVE_BYTES: int = 4 * 1024 * 1024
"""What a worker may have of unsettled batches before the rest waits at the broker, and what is live beyond that."""
ORDER_BYTES = 300  # what one costs beside its payload
SETTLED_MAX = 50_000
"""Of so many the receiver knows that all is said: when such a one was sent again and its worker died, the next one
asks the ledger for it instead of writing it over itself, which would show it to the rules a second time."""
SEND_S = 30
SILENCE_S = 120.0
"""A worker reports twice a second; one question to a slow database may take a minute."""
LIVED_S = 60.0
ILL_AFTER = 3
DEATHS_MAX = 2
SENT_TO_ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""By a terminal or a service, to each process: a worker never hears them, the receiver says when it ends."""
AGAIN_S = (0.0, 1.0, 2.0, 5.0, 10.0)
"""A worker that ended is started again at once; one that does not live long, ever later."""


class WorkerProcess:
    """Starts, feeds and hears one worker. `heard` is called by another thread whenever there is something to look at.

    After each `start` the caller gives the orders that make a new worker know its nodes.
    """

    def __init__(self, beginning: Beginning, heard: Callable[[], None]) -> None:
        self.number = beginning.number
        self.last: Report | None = None
        self.past: Counter[str] = Counter()  # counts of the lives before this one
        self.past_windows: Counter[str] = Counter()
        self.restarts = 0
        self.ended = False  # by our will
        self._beginning = beginning
        self._heard = heard
        self._reports: deque[Report] = deque()
        self._orders: list[Order] = []
        self._in_flight: dict[int, Order] = {}
        self._same: dict[int, int] = {}  # how many of each name are in flight
        self._settled: OrderedDict[int, None] = OrderedDict()  # names, the newest last
        self.repeats = self.put_aside = 0
        self._deaths: Counter[int] = Counter()  # while a batch was in flight, by name
        self._in_flight_bytes = 0
        self._batches = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._up = False  # until its last report is in
        self._deaf = False
        self._begun_s = self._heard_s = 0.0
        self._short_lives = 0
        self._hearing: threading.Thread | None = None

    # -- its life -------------------------------------------------------------------------------------------------

    def start(self, orders: Iterable[Order]) -> None:
        """Begin a life with these orders; what the last one left unsettled follows."""
        self._begun_s = self._heard_s = time.monotonic()
        try:
            self._process, self._pipe = _begin()
        except OSError as error:  # no process, no file to be had: tried again
            log.error("worker %d cannot be started: %s", self.number, error)
            self._short_lives += 1
            return
        self._up, self._deaf = True, False
        with suppress(OSError):  # gone already: who hears it sees that
            self._pipe.send(self._beginning)
        left, self._in_flight, self._in_flight_bytes = list(self._in_flight.values()), {}, 0
        self._orders = list(orders)
        self._same.clear()
        for order in left:
            if self._has_seen_too_many_die(order):
                continue
            self.give(order if _name(order) in self._settled else order._replace(verb="replay"))
        self.send()
        name = f"worker {self.number}"
        self._hearing = threading.Thread(target=self._hear, args=(self._pipe,), name=name, daemon=True)
        self._hearing.start()

    def _has_seen_too_many_die(self, order: Order) -> bool:
        """A batch that may be what kills: it is put aside unanswered, and comes again like what stood beside it."""
        name = _name(order)
        self._deaths[name] += 1
        if self._deaths[name] <= DEATHS_MAX:
            return False
        del self._deaths[name]
        self.put_aside += 1
        log.error(
            "worker %d: a batch of %s is put aside, %d workers ended with it", self.number, order.node, DEATHS_MAX
        )
        return True

    def look_after(self) -> bool:
        """True when the worker has ended and its next life may begin now."""
        if self._up and time.monotonic() - self._heard_s > SILENCE_S:
            log.error("worker %d says nothing any more and is ended", self.number)
            self.kill()
        if self._up or self._reports:
            return False
        if self._pipe is not None:
            self._bury()
        wait_s = AGAIN_S[min(self._short_lives, len(AGAIN_S)) - 1] if self._short_lives else 0.0
        return not self.ended and time.monotonic() - self._heard_s >= wait_s

    def kill(self) -> None:
        """End it at once."""
        self._deaf = True
        if self._process is not None:
            self._process.kill()

    def wait(self, timeout_s: float) -> None:
        """Until it has ended and all it said is heard; what takes longer is ended."""
        if self._process is None or self._hearing is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._hearing.join(1.0)

    @property
    def up(self) -> bool:
        """Whether it takes orders."""
        return self._up and not self._deaf

    def is_ill(self) -> bool:
        """Whether it has ended soon after its start several times in a row."""
        return self._short_lives >= ILL_AFTER and time.monotonic() - self._begun_s < LIVED_S

    def _bury(self) -> None:
        """What is to be done once when a life has ended."""
        assert self._process is not None
        assert self._pipe is not None
        self._pipe.close()
        self._pipe = None
        code = self._process.wait()
        if self.last is not None:
            self.past.update(self.last.counts)
            self.past_windows.update(self.last.window_counts)
            self.last = None
        if not self.ended:
            self.restarts += 1
            self._heard_s = time.monotonic()
            lived_s = self._heard_s - self._begun_s
            self._short_lives = 0 if lived_s > LIVED_S else self._short_lives + 1
            log.error("worker %d ended (%d) after %.0f s and is started again", self.number, code, lived_s)

    # -- orders and reports ---------------------------------------------------------------------------------------

    def give(self, order: Order) -> None:
        """One more order, sent by the next `send`. A batch is kept until it is settled; one that comes again while it
        is in flight is not given twice: the rules must see it once, also when its worker dies.
        """
        if order.verb in BATCHES:
            name = _name(order)
            if order.verb != "replay" and name in self._same:
                self.repeats += 1
                return
            self._batches += 1
            order = order._replace(number=self._batches)
            self._in_flight[order.number] = order
            self._in_flight_bytes += len(order.body) + ORDER_BYTES
            self._same[name] = self._same.get(name, 0) + 1
        elif not self.up:
            return  # the next life begins with what is known then
        self._orders.append(order)

    def send(self) -> None:
        """Let the worker have its orders."""
        if not self._orders or not self.up or self._pipe is None:
            return
        orders, self._orders = self._orders, []
        try:
            send_orders(self._pipe, orders)
        except OSError as error:  # gone, or it takes nothing: what was on the way is in flight
            log.error("worker %d takes no orders: %s", self.number, error)
            self.kill()

    def has_room(self, live: bool = False) -> bool:
        """Whether more batches may be given, or more that are `live`."""
        return self.up and self._in_flight_bytes < IN_FLIGHT_BYTES + live * LIVE_BYTES

    def in_flight(self) -> int:
        """How many batches are not settled."""
        return len(self._in_flight)

    def reports(self) -> list[Report]:
        """What it has reported since the last call; those batches are settled."""
        taken = []
        while self._reports:
            report = self.last = self._reports.popleft()
            for number in report.settled:
                self._settle(number)
            taken.append(report)
        return taken

    def _settle(self, number: int) -> None:
        order = self._in_flight.pop(number, None)
        if order is None:
            return
        self._in_flight_bytes -= len(order.body) + ORDER_BYTES
        name = _name(order)
        self._same[name] -= 1
        if not self._same[name]:
            del self._same[name]
        self._deaths.pop(name, None)
        self._settled[name] = None
        if len(self._settled) > SETTLED_MAX:
            self._settled.popitem(last=False)

    def _hear(self, pipe: Connection) -> None:
        try:
            while True:
                self._reports.append(take_report(pipe))
                self._heard_s = time.monotonic()
                self._heard()
        except (EOFError, OSError):
            self._up = False
            self._heard()


def _begin() -> tuple[subprocess.Popen[bytes], Connection]:
    """A process and our end of the pipe to it. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_S, 0))
        command = [sys.executable, "-m", "collector.workers.worker", str(theirs.fileno())]
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SENT_TO_ALL)  # it begins with what is blocked here
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),))
        except OSError:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process, Connection(ours.detach())


def _name(order: Order) -> int:
    """The same for the same batch of the same node, within this process."""
    return hash((order.node, order.body))
