"""A thread that reads one open line, and does nothing but read and look at the clock.

A card may take seconds for a commit, and the loop waits for it. Read by the loop, all that came meanwhile would be of
the moment in which it goes on: four readings of one time, two vehicles one, and what the kernel cannot keep gone.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
from collections.abc import Callable

import serial

CHUNK = 4096
AHEAD = 1_000
"""So many chunks may wait for the loop; then the kernel keeps what comes, as long as it can."""

Heard = Callable[[bytes, float], None]
"""What came, and when, in seconds of the monotonic clock."""


class Reader:
    """Calls `heard`, in the loop, with what arrives, and `lost` once when the device has gone."""

    def __init__(self, device: serial.Serial, heard: Heard, lost: Callable[[OSError], None]) -> None:
        self._device, self._heard, self._lost = device, heard, lost
        self._loop = asyncio.get_running_loop()
        self._end = os.eventfd(0)
        self._ahead = threading.Semaphore(AHEAD)
        self._thread = threading.Thread(target=self._run, name=f"read {device.port}", daemon=True)

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def close(self) -> None:
        """No more, before the device is closed; what was read is still heard."""
        os.eventfd_write(self._end, 1)
        self._ahead.release()
        self._thread.join()
        os.close(self._end)

    def _run(self) -> None:
        ready = select.poll()
        for descriptor in (self._device.fileno(), self._end):
            ready.register(descriptor, select.POLLIN)
        while self._end not in dict(ready.poll()):
            try:
                data = self._read()
            except OSError as error:
                self._loop.call_soon_threadsafe(self._lost, error)
                return
            if data:
                now_s = time.monotonic()
                self._ahead.acquire()
                self._loop.call_soon_threadsafe(self._take, data, now_s)

    def _read(self) -> bytes:
        """Raises OSError when the device has gone."""
        try:
            data = os.read(self._device.fileno(), CHUNK)  # its own read asks select, which ends at 1,024 files
        except BlockingIOError:
            return b""
        if not data:  # unplugged, and then even this question fails
            _ = self._device.in_waiting
        return data

    def _take(self, data: bytes, now_s: float) -> None:
        self._ahead.release()
        self._heard(data, now_s)
