"""A scenario in words, for `lamppost sim describe`. Pure."""

from __future__ import annotations

from firmware_stubs.faults import KINDS
from simulator.city.events import EVENTS
from simulator.scenario.faults import SYSTEM_KINDS
from simulator.scenario.scenario import Scenario


def described(name: str, of: Scenario) -> str:
    """Everything a person wants to know before running it."""
    lines = [name, f"  {of.title.zh}", f"  {of.title.en}", ""]
    lines.append(f"starts {of.start}, lasts {of.duration}, {of.stations} stations, a batch every {of.seal_s:g} s")
    for sensor, what in of.sensors.items():
        every = f", every {what.period_s:g} s" if what.period_s is not None else ""
        lines.append(f"  {sensor}: {what.model}{every}")
    for event in of.events:
        lines.append(f"event  {event.kind} at {event.at} for {event.lasts}: {EVENTS[event.kind]}")
    for order in of.orders():
        text = (SYSTEM_KINDS.get(order.kind) or KINDS[order.kind]).text
        lines.append(f"fault  {order.text}: {text}")
    for text in of.never():
        lines.append(f"       {text} strikes nobody: so short is the run, or no such station")
    if of.hostile:
        lines.append("       a hostile node sends whatever may hurt")
    for rule in of.rules:
        lines.append(f"rule   {rule['alert']}")
    may = ", ".join(of.expect.missing) or "nothing"
    lines.append(f"right  may be missing: {may}{' (and something must be)' if of.expect.some_missing else ''}")
    for alert in of.expect.alerts:
        where = ", ".join(alert.nodes) or "every station"
        lines.append(f"       alert {alert.alert} at {where}, between {alert.between}, {alert.times} each")
    if not of.expect.alerts:
        lines.append("       no alert")
    return "\n".join(lines)
