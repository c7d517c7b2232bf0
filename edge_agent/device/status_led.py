"""The status LED: a folder of /sys/class/leds, written as `led_patterns` says. Off unless the settings name one.

Whoever sets another trigger meanwhile (`lamppost agent identify`, a person) has the LED until it is `none` again. What
the LED did before is restored at the end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.device.identify import FOLDER, current_trigger
from edge_agent.device.led_patterns import Step, is_dark, pattern, state_of
from edge_agent.settings.config import Led

log = logging.getLogger("lamppost.agent")

RETRY_S = 60.0


class StatusLed:
    """One LED. `said` gives what the agent last said of itself, None before it has."""

    def __init__(self, wants: Led, said: Callable[[], dict[str, Any] | None]) -> None:
        self._folder = Path("/") / FOLDER / wants.name
        self._dark = wants.dark
        self._said = said
        self._before: str | None = None
        self._lost = False

    async def show_for_ever(self) -> None:
        """Show the state, round after round; never raises for an LED that cannot be set, and says so once."""
        while True:
            try:
                self._take()
                for step in self._round():
                    self._write(step.on)
                    await asyncio.sleep(step.seconds)
                self._found_again()
            except OSError as error:
                self._missing(error)
                await asyncio.sleep(RETRY_S)

    def give_back(self) -> None:
        """The LED does again what it did."""
        if self._before is None:
            return
        try:
            (self._folder / "brightness").write_text("0")
            (self._folder / "trigger").write_text(self._before)
        except OSError as error:
            log.debug("status LED: %s", error)

    def _take(self) -> None:
        if self._before is None:
            before = current_trigger(self._folder)
            (self._folder / "trigger").write_text("none")
            self._before = before

    def _round(self) -> tuple[Step, ...]:
        now = time.localtime()
        if is_dark(self._dark, now.tm_hour * 60 + now.tm_min):
            return (Step(False, 2.0),)
        return pattern(state_of(self._said()))

    def _write(self, on: bool) -> None:
        if current_trigger(self._folder) == "none":
            (self._folder / "brightness").write_text("1" if on else "0")

    def _missing(self, error: OSError) -> None:
        if not self._lost:
            log.warning("the status LED %s cannot be set: %s; lamppost agent doctor --only led", self._folder, error)
        self._lost = True

    def _found_again(self) -> None:
        if self._lost:
            log.info("the status LED %s can be set again", self._folder)
        self._lost = False
