"""Few vehicles are few people: the one function between traffic counts and everything public."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from collector.rules.fields import OWN_LINK
from collector.web.site import AlertView
from wire.times import MINUTE_MS
from wire.traffic import CELLS

FEW = 5
NOT_PUBLIC = frozenset({*CELLS, "wrong_way_count"})
"""Of single intervals; the pages tell speeds and classes of a day and longer."""
WINDOW_MS = 5 * MINUTE_MS
"""Traffic is told in windows of this one length: two lengths side by side would give away what the mask hides."""
_COUNTS = ("count", "heavy_count")
_SETTLES_MS = MINUTE_MS
_ROUGH = 10


class Masked(NamedTuple):
    """A row fit for the public, and the names of the fields that were taken out because they tell of few vehicles."""

    values: dict[str, Any]
    hidden: tuple[str, ...]


def told_until(now_ms: int) -> int:
    """The end of the newest window that is told: one over for a minute, its last intervals in it.

    A window that grows while it is looked at tells each of its intervals by subtraction.
    """
    return (now_ms - _SETTLES_MS) // WINDOW_MS * WINDOW_MS


def mask(row: Mapping[str, Any]) -> Masked:
    """Hide counts under 5 in one window's row of traffic; with them go the values made of those vehicles alone.

    The speed of two vehicles is nearly the speed of one. Zero is hidden too, and what it has no value of is named as
    well: a shown zero, or no speed to hide, would tell that a hidden count is not zero.
    """
    return _without(row, [name for name in _COUNTS if row.get(name) is not None and row[name] < FEW])


def mask_lanes(rows: Sequence[Mapping[str, Any]]) -> list[Masked]:
    """Mask the lanes of one window, whose sum is told as well: vehicles are hidden in twos of lanes and fives, or all.

    A lane hidden alone is the sum less the others, and few vehicles hidden together have a speed; so the lane with
    fewest vehicles of those still shown goes with them. Where nobody passed there is nobody to hide: a direction that
    nobody drives would take the other one along for ever.
    """
    shown = [mask(row) for row in rows]
    for name in _COUNTS:
        lanes = [lane for lane, row in enumerate(rows) if row.get(name) is not None]
        hidden = [lane for lane in lanes if name in shown[lane].hidden]
        others = [lane for lane in lanes if lane not in hidden]
        vehicles = sum(rows[lane][name] for lane in hidden)
        if vehicles and others and (len(hidden) == 1 or vehicles < FEW):
            least = min(others, key=lambda lane: int(rows[lane][name]))
            shown[least] = _without(rows[least], [*shown[least].hidden, name])
    return shown


def _without(row: Mapping[str, Any], hidden: list[str]) -> Masked:
    """The row without these counts; with the vehicles goes all that is made of them."""
    if "count" in hidden:
        hidden = [name for name in row if name != "duration_s"]
    return Masked({name: None if name in hidden else value for name, value in row.items()}, tuple(hidden))


def rough(shown: Masked) -> Masked:
    """An hour or more in tens of vehicles and whole km/h: its windows, taken off an exact one, leave what they hide."""
    values = {
        name: value if value is None else round(value) if name == "speed_tms_kmh" else tens(value)
        for name, value in shown.values.items()
    }
    return Masked(values, shown.hidden)


def tens(vehicles: float) -> int:
    """To the nearest ten; the fewest that are shown are ten, not none."""
    return int((vehicles + _ROUGH / 2) // _ROUGH * _ROUGH)


def public_alerts(alerts: Iterable[AlertView]) -> list[AlertView]:
    """Alerts as everybody may see them: on traffic without a value, for it may be one vehicle's, and by the window.

    The collector's own troubles are told without particulars: addresses, files, and cures that are not for readers.
    Those on what is not public, such as driving the wrong way, are for the operators alone.
    """
    return [_public(alert) for alert in alerts if is_public(alert.quantity or "")]


def is_public(quantity: str) -> bool:
    """Whether alerts on a quantity of traffic, or on windows of it, are for everybody."""
    return not quantity.startswith(tuple(NOT_PUBLIC))


def _public(alert: AlertView) -> AlertView:
    if alert.kind == OWN_LINK:
        return replace(alert, detail_zh="", detail_en="")
    if not alert.kind.startswith("traffic_flow"):
        return alert
    since_ms = alert.since_ms // WINDOW_MS * WINDOW_MS
    return replace(alert, value=None, since_ms=since_ms, detail_zh="", detail_en="")
