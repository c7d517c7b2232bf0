"""What has come from the broker and was not taken yet: two lanes, and what is owed for them. Thread-safe.

A message is acknowledged to the broker when it is in here; beyond the high-water mark the acknowledgements are owed
until there is room again, so that the broker's receive maximum holds the senders back. What wants none (QoS 0, which no
agent of ours uses) holds nobody back, and is dropped there.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from collector.broker.lanes import Lanes
from wire import names

HIGH_WATER_BYTES: Final = 64 * 1024 * 1024
MESSAGE_BYTES: Final = 300
"""What a message costs beside its payload: empty ones fill the memory as well."""

Connection = TypeVar("Connection")
"""What a packet id belongs to: it is answered on the connection it came on, or not at all."""


class Arrived(NamedTuple):
    """One message: topic, payload, whether the broker had kept it for later listeners, its content type, its lane."""

    topic: str
    payload: bytes
    retained: bool
    content_type: str | None = None
    live: bool = False

    @property
    def again(self) -> bool:
        """Whether it was sent for a database that has lost what was answered before."""
        return self.content_type == names.REPLAY or self.topic.endswith("/data/replay")


GoesAhead = Callable[[Arrived], bool]
"""Whether a message is live. Called in the thread of the connection."""


def nothing_hurries(_: Arrived) -> bool:
    """One lane for all."""
    return False


class Inbox(Generic[Connection]):
    """Filled in the thread of the connection, emptied in the collector's. What is live stands ahead of the rest."""

    def __init__(self, counts: Counter[str] | None = None) -> None:
        self._counts = Counter[str]() if counts is None else counts
        self._lanes: Lanes[Arrived] = Lanes()
        self._bytes = 0
        self._owed: deque[tuple[Connection, int]] = deque()
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._live_arrived = threading.Event()

    def put(self, connection: Connection, messages: Iterable[tuple[int | None, Arrived]]) -> list[int]:
        """Queue messages with their packet ids, None where none is wanted; returns the ids to acknowledge now."""
        received = []
        with self._lock:
            for packet_id, message in messages:
                if packet_id is None and self._bytes >= HIGH_WATER_BYTES:
                    self._counts["dropped"] += 1
                    continue
                self._lanes.put(message, message.live)
                self._bytes += len(message.payload) + MESSAGE_BYTES
                if packet_id is None:
                    continue
                if self._bytes < HIGH_WATER_BYTES:
                    received.append(packet_id)
                else:
                    self._owed.append((connection, packet_id))
            if self._lanes:
                self._arrived.set()
            if self._lanes.live:
                self._live_arrived.set()
        return received

    def wait(self, timeout_s: float, live: bool = False) -> None:
        """Until something has arrived, or something `live`, at most so long."""
        (self._live_arrived if live else self._arrived).wait(timeout_s)

    def take(self, count: int, live: bool = False) -> tuple[list[Arrived], list[tuple[Connection, int]]]:
        """Up to `count` messages, what is live first, or that alone; and the packet ids to acknowledge by now."""
        with self._lock:
            taken = self._lanes.take(count, live)
            self._bytes -= sum(len(message.payload) + MESSAGE_BYTES for message in taken)
            if not self._lanes:
                self._arrived.clear()
            if not self._lanes.live:
                self._live_arrived.clear()
            paid = []
            if self._bytes < HIGH_WATER_BYTES:
                paid = list(self._owed)
                self._owed.clear()
        return taken, paid

    def wake(self) -> None:
        """End a `wait` early."""
        self._arrived.set()
        self._live_arrived.set()

    def forget_owed(self) -> None:
        """The connection is gone: what was owed to it is owed to nobody."""
        with self._lock:
            self._owed.clear()
