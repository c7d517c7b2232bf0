"""A serial line at work: its port is kept open, and its sensors are told and asked what their profiles want."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from edge_agent.lines.port import Port
from edge_agent.sensors.bus import Bus
from edge_agent.sensors.sensor import Sensor

TALK_S_MIN, TALK_S_MAX = 0.01, 0.5


class Line:
    """Feeds `heard` with what a sensor says and when its last byte came; `wrote` is told what went to it."""

    def __init__(
        self,
        path: str,
        sensors: Sequence[Sensor],
        heard: Callable[[Sensor, bytes, float], None],
        wrote: Callable[[Sensor, bytes], None],
    ) -> None:
        self.port = Port(path, sensors[0].profile.serial, self._on_bytes)
        self._bus = Bus(sensors)
        self._heard, self._wrote = heard, wrote
        self._answered = asyncio.Event()

    async def talk(self) -> None:
        """Say to the sensors what is to be said: at start, when they are polled, when they come back."""
        bus, port = self._bus, self.port
        while True:
            await port.opened()
            opening = port.counts["opened"]
            # those that were there before us have had power as long as the board; what is plugged in starts cold
            were_there = opening == 1 and not port.counts["open_failed"]
            bus.begin(time.monotonic(), 0.0 if were_there else None)
            while port.open and port.counts["opened"] == opening:
                now_s = time.monotonic()
                for ask in bus.due(now_s):
                    if port.write(ask.data):
                        self._wrote(bus.speaker, ask.data)
                next_s = bus.next_s
                await self._wait(TALK_S_MAX if next_s is None else min(max(next_s - now_s, TALK_S_MIN), TALK_S_MAX))

    def _on_bytes(self, data: bytes, now_s: float) -> None:
        speaker = self._bus.speaker
        was_asked = speaker.poller.asked is not None
        self._heard(speaker, data, now_s)
        if self._bus.heard(was_asked, now_s):
            self._answered.set()

    async def _wait(self, wait_s: float) -> None:
        """Less long when an answer has come: others on the line wait for their turn."""
        self._answered.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._answered.wait()
