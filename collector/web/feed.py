"""News from the ingest to the pages: what changed, never the values; whoever shows them asks the store."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

QUEUE_MAX = 4096
WATCHED_S = 12.0


class Subscription:
    """One listener's bounded queue. When it is full the oldest event goes and is counted in `dropped`.

    `wake` is called for the first event that waits: to wake a listener for each would cost both threads a turn.
    """

    def __init__(self, wake: Callable[[], object], queue_max: int = QUEUE_MAX) -> None:
        self.dropped = 0
        self._wake = wake
        self._queue: deque[Mapping[str, Any]] = deque(maxlen=queue_max)
        self._lock = threading.Lock()

    def put(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            is_first = not self._queue
            self.dropped += len(self._queue) == self._queue.maxlen
            self._queue.append(event)
        if is_first:
            self._wake()

    def take(self) -> list[Mapping[str, Any]]:
        """Everything that waits, oldest first."""
        with self._lock:
            events = list(self._queue)
            self._queue.clear()
        return events


class Feed:
    """A broadcast. `publish` may be called from any thread and never waits.

    An event names what changed: one with a `node` after readings of it were stored or its status changed, one of the
    `type` alert after an alert moved. Other keys are allowed and ignored.
    """

    def __init__(self) -> None:
        self._listeners: tuple[Subscription, ...] = ()
        self._lock = threading.Lock()
        self._readings = 0
        self._marks: deque[tuple[float, int]] = deque(maxlen=16)

    def batches_per_s(self) -> float:
        """How many batches were stored a second, over the last ten or so."""
        now_s = time.monotonic()
        marks = [mark for mark in tuple(self._marks) if now_s - mark[0] <= WATCHED_S]
        if not marks:
            return 0.0
        since_s, before = marks[0]
        return (self._readings - before) / max(1.0, now_s - since_s)

    def publish(self, event: Mapping[str, Any]) -> None:
        if event.get("type") == "readings":
            now_s = time.monotonic()
            if not self._marks or now_s - self._marks[-1][0] >= 1.0:
                self._marks.append((now_s, self._readings))
            self._readings += 1
        for listener in self._listeners:
            listener.put(event)

    def subscribe(self, wake: Callable[[], object]) -> Subscription:
        """A queue of the events from now on; `wake` is called in the publisher's thread."""
        subscription = Subscription(wake)
        with self._lock:
            self._listeners = (*self._listeners, subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._listeners = tuple(one for one in self._listeners if one is not subscription)
