"""How much people hear of alerts, as the settings say it: how often, how much at once, and who else after a while."""

from __future__ import annotations

from typing import NamedTuple

from wire.times import MINUTE_MS


class Step(NamedTuple):
    """After `after_ms` of firing unacknowledged, alerts of at least `severity` are also told to `notify`."""

    after_ms: int
    notify: tuple[str, ...]
    severity: str = "major"


class Policy(NamedTuple):
    """How much people hear. Three changes within `flap_ms` are flapping; as long without a change is calm."""

    repeat_ms: int = 240 * MINUTE_MS
    group_ms: int = 5 * MINUTE_MS
    flap_changes: int = 3
    flap_ms: int = 30 * MINUTE_MS
    steps: tuple[Step, ...] = ()
    receivers: tuple[str, ...] = ()  # of alerts whose rule names none
