"""The threads that empty the outbox: one a channel, so that a slow receiver holds up nobody else.

The outbox is shared with the thread that decides: whoever touches it holds `lock`, and who changes it commits before
letting go. So a message leaves only after the change that it tells is on disk, and a message whose outcome was not
written is sent again, under the same key.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from collector.notify.channel import Channel, Never, NotNow, Outcome, Told
from collector.rules.outbox import Attempt, Delivery, Outbox
from collector.timers import passed
from wire.times import MINUTE_MS

log = logging.getLogger("lamppost.notify")

IDLE_S = 1.0
MANY = 50
Save = Callable[[list[Delivery], list[Attempt]], None]


class Teller:
    """Tells what is due. `save` commits what changed; it is called with the lock held, from several threads."""

    def __init__(self, outbox: Outbox, channels: Iterable[Channel], save: Save, now_ms: Callable[[], int]) -> None:
        self.lock = threading.RLock()
        self._outbox = outbox
        self._channels = {channel.name: channel for channel in channels}
        self._save = save
        self._now_ms = now_ms
        self._ending = threading.Event()
        self._work = {name: threading.Event() for name in self._channels}
        self._down: set[str] = set()
        self._threads = [
            threading.Thread(target=self._run, args=(channel,), name=f"tell {name}", daemon=True)
            for name, channel in self._channels.items()
        ]

    def start(self) -> None:
        """Begin to tell."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 12.0) -> None:
        """End after the messages at hand, `timeout_s` for all channels together; the rest stays in the outbox."""
        self._ending.set()
        self.wake()
        until_s = time.monotonic() + timeout_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until_s - time.monotonic()))

    def wake(self) -> None:
        """There may be something new to tell."""
        for event in self._work.values():
            event.set()

    def test(self, name: str, delivery: Delivery) -> Outcome | None:
        """Send one message now, outside the outbox; None when there is no such channel."""
        channel = self._channels.get(name)
        return None if channel is None else channel.send([delivery])

    def names(self) -> tuple[str, ...]:
        """The channels there are."""
        return tuple(self._channels)

    def step(self, channel: Channel) -> int:
        """Try what is due on one channel, once; returns how many were tried."""
        now_ms = self._now_ms()
        with self.lock:
            due = self._outbox.due(now_ms, channel.name, max(MANY, channel.at_once))
        for start in range(0, len(due), channel.at_once):
            if self._ending.is_set():
                break
            together = due[start : start + channel.at_once]
            self._told(together, self._send(channel, together))
            self._ending.wait(channel.pause_s)
        return len(due)

    @staticmethod
    def _send(channel: Channel, deliveries: list[Delivery]) -> Outcome:
        """A channel that breaks has not taken it: the message stays, and so do those after it."""
        try:
            return channel.send(deliveries)
        except Exception as error:
            log.exception("%s: telling failed; trying again", channel.name)
            return NotNow(f"{type(error).__name__}: {error}"[:200])

    def _told(self, deliveries: list[Delivery], outcome: Outcome) -> None:
        now_ms, channel = self._now_ms(), deliveries[0].channel
        with self.lock:
            for each in deliveries:
                if isinstance(outcome, Told):
                    self._outbox.succeeded(each.name, now_ms)
                elif isinstance(outcome, Never):
                    self._outbox.failed(each.name, now_ms, outcome.why, for_good=True)
                else:
                    self._outbox.failed(each.name, now_ms, outcome.why, retry_after_ms=outcome.after_ms)
            try:
                self._save(*self._outbox.changes())
            except sqlite3.Error as error:  # kept in memory, written with what comes next, else told again
                log.error("%s: the outcome is not on disk: %s", channel, error)
        self._note(channel, outcome)
        if not isinstance(outcome, Told) and any(each.second is None for each in deliveries):
            self.wake()  # the second channel may have got it just now

    def _note(self, channel: str, outcome: Outcome) -> None:
        """The edge is logged; every attempt is in the delivery log."""
        if isinstance(outcome, Told):
            if channel in self._down:
                self._down.discard(channel)
                log.warning("%s takes notifications again", channel)
        elif channel not in self._down:
            self._down.add(channel)
            log.error("%s does not take a notification: %s", channel, outcome.why)

    def _run(self, channel: Channel) -> None:
        work = self._work[channel.name]
        repeat: Any = getattr(channel, "repeat", None)
        every_ms = getattr(channel, "repeat_ms", MINUTE_MS)
        repeated_ms = self._now_ms() - every_ms
        while not self._ending.is_set():
            try:
                tried = self.step(channel)
                if repeat is not None and passed(self._now_ms(), repeated_ms, every_ms):
                    repeated_ms = self._now_ms()
                    said = repeat()
                    if said is not None:
                        self._note(channel.name, said)
            except Exception:
                log.exception("%s: telling failed; trying again", channel.name)
                tried = 0
                self._ending.wait(IDLE_S)
            if not tried:
                work.wait(self._patience_s(channel.name))
                work.clear()

    def _patience_s(self, name: str) -> float:
        with self.lock:
            due_ms = self._outbox.next_due_ms(name)
        return IDLE_S if due_ms is None else min(IDLE_S, max(0.0, (due_ms - self._now_ms()) / 1000))
