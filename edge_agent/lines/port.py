"""A serial port: opened with the profile's settings, read (`reader.py`), opened again when it comes back.

Logs the edge, not the level: once when a port is lost, once for each other reason that keeps it shut (what was pulled
out may come back and be held by another program), once when it is back; the same of one that takes no commands.
Everything between is a counter. One that can be opened and fails at once is not back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import termios
import time
from collections import Counter

import serial

from device_profiles.profile import Serial as SerialSettings
from edge_agent.flapping import Flapping
from edge_agent.lines.not_opened import NO_SUCH_PORT, STUCK, why_not_opened
from edge_agent.lines.reader import Heard, Reader
from edge_agent.lines.serial_line import open_line
from wire.exits import reason

log = logging.getLogger("lamppost.port")

REOPEN_S = (0.5, 1.0, 2.0, 5.0)
STANDS_S = 2.0
LOST, WITHIN_S = 3, 3_600.0  # as with a loose plug


class Port:
    """Feeds `on_bytes` with what arrives. `run` ends only by cancellation; a missing device is tried for ever.

    `trouble` says why it is not open, or of no use, in words.
    """

    def __init__(self, path: str, settings: SerialSettings, on_bytes: Heard) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.trouble: str | None = None
        self.flapping = Flapping(LOST, WITHIN_S)
        self._opened = asyncio.Event()
        self._settings = settings
        self._on_bytes = on_bytes
        self._device: serial.Serial | None = None
        self._lost = asyncio.Event()
        self._failures = 0
        self._said: set[str] = set()  # of what is wrong, since it was well

    @property
    def open(self) -> bool:
        """True while the device is there."""
        return self._opened.is_set()

    async def opened(self) -> None:
        """Wait until the device is there."""
        await self._opened.wait()

    async def run(self) -> None:
        """Keep the port open and read from it."""
        while True:
            self._failures += 1
            try:
                device = self._connect()
            except (OSError, ValueError, termios.error) as error:
                self.trouble = why_not_opened(error)
                self._say(self.trouble, f"cannot be opened: {self.trouble}; trying again")
                self.counts["open_failed"] += 1
            else:
                self.trouble = None
                await self._read_until_lost(device)
            if self._failures:
                await asyncio.sleep(REOPEN_S[min(self._failures, len(REOPEN_S)) - 1])

    def write(self, data: bytes) -> bool:
        """Send a command; False when the port is closed or full, and it is dropped."""
        if self._device is None:
            return False
        try:
            taken = os.write(self._device.fileno(), data) == len(data)  # its own write waits, and all sensors with it
        except BlockingIOError:
            taken = False
        except OSError:  # gone, which the reader tells
            return False
        trouble = None if taken else STUCK
        if trouble != self.trouble:
            log.warning("port %s: %s", self.path, trouble or "it takes again what is said to it")
        self.trouble = trouble
        return taken

    def _connect(self) -> serial.Serial:
        device = open_line(self.path, self._settings, timeout=0)
        device.reset_input_buffer()  # what piled up while nobody listened has no time of its own
        return device

    async def _read_until_lost(self, device: serial.Serial) -> None:
        self._device = device
        self.counts["opened"] += 1
        self._opened.set()
        self._lost.clear()
        reader = Reader(device, self._heard, self._gone)
        reader.start()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STANDS_S):
                    await self._lost.wait()
            if not self._lost.is_set():
                self._is_well()
            await self._lost.wait()
        finally:
            reader.close()
            self._device = None
            self._opened.clear()
            device.close()

    def _heard(self, data: bytes, now_s: float) -> None:
        self.counts["bytes"] += len(data)
        self._on_bytes(data, now_s)

    def _is_well(self) -> None:
        if self._said:
            log.info("port %s is back", self.path)
        self._said.clear()
        self._failures = 0

    def _say(self, what: str, text: str) -> None:
        if what not in self._said:
            log.warning("port %s %s", self.path, text)
        self._said.add(what)

    def _gone(self, error: OSError) -> None:
        self._say(NO_SUCH_PORT, f"is lost: {reason(error)}; unplugged?")
        self.counts["lost"] += 1
        self.flapping.lost(time.monotonic())
        self.trouble = NO_SUCH_PORT
        self._lost.set()
