"""How fast simulated time goes: as fast as it can, or so many times as fast as the clock on the wall; and pauses."""

from __future__ import annotations

import re
import threading
import time

from wire.exits import Exit, Failure

WAIT_S = 0.1


def factor_of(text: str) -> float | None:
    """`1x`, `60x`; `max` is None. Raises Failure."""
    if text == "max":
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)x?", text)
    if found is None or float(found[1]) <= 0:
        raise Failure(Exit.USAGE, "speed", f"{text!r} is no speed", "write 1x, 60x or max")
    return float(found[1])


class Pace:
    """Holds simulated time back. `keep` returns when the wall has caught up; other threads may pause or change it."""

    def __init__(self, factor: float | None) -> None:
        self._factor = factor
        self._going = threading.Event()
        self._going.set()
        self._stopped = threading.Event()
        self._anchor = (time.monotonic(), 0.0)
        self._at_s = 0.0

    @property
    def factor(self) -> float | None:
        """Simulated seconds by seconds of the wall; None: as fast as it goes."""
        return self._factor

    def keep(self, simulated_s: float) -> bool:
        """Wait until the wall has come to this simulated second; False when somebody has stopped the run."""
        self._at_s = simulated_s
        while not self._stopped.is_set():
            if not self._going.is_set():
                self._going.wait(WAIT_S)
                self._anchor = (time.monotonic(), self._at_s)
                continue
            if self._factor is None:
                return True
            since_s, from_s = self._anchor
            ahead_s = (simulated_s - from_s) / self._factor - (time.monotonic() - since_s)
            if ahead_s <= 0:
                return True
            self._stopped.wait(min(WAIT_S, ahead_s))
        return False

    def change(self, factor: float | None) -> None:
        """Another speed from now on."""
        self._anchor = (time.monotonic(), self._at_s)
        self._factor = factor

    def pause(self) -> None:
        """Simulated time stands."""
        self._going.clear()

    def resume(self) -> None:
        """It goes on."""
        self._anchor = (time.monotonic(), self._at_s)
        self._going.set()

    def stop(self) -> None:
        """The run ends at its next step."""
        self._stopped.set()
        self._going.set()

    @property
    def paused(self) -> bool:
        """True while it stands."""
        return not self._going.is_set()
