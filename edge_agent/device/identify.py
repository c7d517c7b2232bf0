"""Which box is this? The board's LED blinks fast for a while, then does again what it did."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

FOLDER = Path("sys/class/leds")
LEDS = ("ACT", "led0", "PWR", "led1")
BLINK_S = 0.1
SECONDS_MAX = 600.0


def find_led(root: Path = Path("/"), wanted: str | None = None) -> Path | None:
    """The LED to blink: the one the settings name, else the activity LED of a Pi, else the first that can be set."""
    leds = root / FOLDER
    named = [leds / name for name in ((wanted,) if wanted else LEDS) if (leds / name / "trigger").exists()]
    if wanted is not None:
        return next(iter(named), None)
    others = [led for led in sorted(leds.glob("*")) if (led / "trigger").exists() and "::" not in led.name]
    return next(iter(named + others), None)


def named_in(settings: Path) -> str | None:
    """The LED that a settings file names. Settings that cannot be used are no reason not to blink."""
    from common.settings import load_settings
    from edge_agent.settings.config import Config
    from wire.exits import Failure

    try:
        wants = load_settings(Config, settings, "").led
    except Failure:
        return None
    return wants.name if wants is not None else None


def blink(led: Path, seconds: float, sleep: Callable[[float], object] = time.sleep) -> None:
    """Blink, then set the LED's trigger as it was. Raises OSError when it may not be set. A `sleep` may be cut short.

    The kernel's own timer does it where there is one: then the agent's status LED sees that somebody has it.
    """
    before = current_trigger(led)
    seconds = min(seconds, SECONDS_MAX)
    try:
        if "timer" in (led / "trigger").read_text(encoding="utf-8").replace("[", " ").replace("]", " ").split():
            (led / "trigger").write_text("timer")
            for delay in ("delay_on", "delay_off"):
                (led / delay).write_text(str(round(BLINK_S * 1000)))
            sleep(seconds)
            return
        (led / "trigger").write_text("none")
        for number in range(max(2, round(seconds / BLINK_S))):
            (led / "brightness").write_text("1" if number % 2 == 0 else "0")
            sleep(BLINK_S)
    finally:
        (led / "trigger").write_text(before)


def current_trigger(led: Path) -> str:
    """The word in brackets: `none [mmc0] heartbeat`. Raises OSError."""
    text = (led / "trigger").read_text(encoding="utf-8")
    return text.partition("[")[2].partition("]")[0] or text.strip().partition(" ")[0] or "none"
