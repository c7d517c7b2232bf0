"""Which box is this? The board's LED blinks fast for a while, then does again what it did."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

LEDS = ("ACT", "led0", "PWR", "led1")
BLINK_S = 0.1
SECONDS_MAX = 600.0


def find_led(root: Path = Path("/")) -> Path | None:
    """The LED to blink: the activity LED of a Pi, else the first that can be set; None when there is none."""
    leds = root / "sys/class/leds"
    named = [leds / name for name in LEDS if (leds / name / "trigger").exists()]
    others = [led for led in sorted(leds.glob("*")) if (led / "trigger").exists() and "::" not in led.name]
    return next(iter(named + others), None)


def blink(led: Path, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Blink, then set the LED's trigger as it was. Raises OSError when it may not be set."""
    before = _current(led / "trigger")
    (led / "trigger").write_text("none")
    try:
        for number in range(max(2, round(min(seconds, SECONDS_MAX) / BLINK_S))):
            (led / "brightness").write_text("1" if number % 2 == 0 else "0")
            sleep(BLINK_S)
    finally:
        (led / "trigger").write_text(before)


def _current(trigger: Path) -> str:
    """The word in brackets: `none [mmc0] heartbeat`."""
    text = trigger.read_text()
    return text.partition("[")[2].partition("]")[0] or "none"
