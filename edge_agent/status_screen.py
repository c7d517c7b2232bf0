"""`lamppost agent status` as people see it: one screen of 60 columns. Pure."""

from __future__ import annotations

from typing import Any

_SHOWN = {
    "pm25_raw_ugm3": ("PM2.5", "µg/m³"),
    "pm10_raw_ugm3": ("PM10", "µg/m³"),
    "speed_kmh": ("speed", "km/h"),
    "temp_c": ("T", "°C"),
    "rh_pct": ("RH", "%"),
    "co2_ppm": ("CO2", "ppm"),
}


def screen(said: dict[str, Any], now_ms: float) -> str:
    """The lines of the status screen; ages are written beside everything that ages."""
    up = span(said["up_s"])
    lines = [f"station  {said['node']} at {said['site']}   agent {said['version']}   up {up}"]
    age_s = (now_ms - said["at_ms"]) / 1000
    if age_s > 15:
        lines.append(f"! the agent has said nothing for {span(age_s)}: is it running?")
    lines += [_sensor(sensor, now_ms) for sensor in said["sensors"]]
    connected = said["connected_s"]
    lines.append(f"broker   {'not connected' if connected is None else 'connected ' + span(connected)}")
    waiting = f"{said['waiting_rows']} waiting"
    if said["oldest_ms"] is not None:
        waiting += f", oldest {span((now_ms - said['oldest_ms']) / 1000)}"
    lines.append(f"spool    {waiting} · {said['accepted']} accepted · {said['spool_bytes'] / 2**20:.1f} MiB")
    if said["refused"]:
        lines.append(f"! {said['refused']} readings could not be kept: check the disk")
    return "\n".join(lines)


def _sensor(sensor: dict[str, Any], now_ms: float) -> str:
    shown = [
        f"{_SHOWN[name][0]} {value:g} {_SHOWN[name][1]}" for name, value in sensor["values"].items() if name in _SHOWN
    ]
    if not sensor["open"]:
        state = f"port closed: {sensor['port']}"
    elif sensor["last_frame_ms"] is None:
        state = "nothing heard yet"
    else:
        state = f"{span((now_ms - sensor['last_frame_ms']) / 1000)} ago"
    bad = sum(sensor["bad"].values())
    return f"{sensor['name']:<8} {'  '.join(shown[:2])}  {state}" + (f"  {bad} bad frames" if bad else "")


def span(seconds: float) -> str:
    """A length of time in two units at most: 3 d 4 h, 5 min, 12 s."""
    whole = max(0, int(seconds))
    for unit, size, smaller, small_size in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
