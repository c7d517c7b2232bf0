"""Does each sensor speak, soundly, freshly, and sensibly? Asked of the running agent, else of the port itself."""

from __future__ import annotations

import termios
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from edge_agent.doctor.result import Result, Station, fail, ok, skip, warn
from edge_agent.lines.not_opened import BUSY, NO_SUCH_PORT, NOT_PERMITTED, STUCK, STUCK_CURE, why_not_opened
from edge_agent.screens.words import reading, span
from edge_agent.sensor_state import FOREIGN_BYTES, PASSING, only_damage
from wire.quantities import QUANTITIES

if TYPE_CHECKING:
    from device_profiles.profile import Profile
    from edge_agent.sensors.probing import Listening, Question
    from edge_agent.settings.config import Sensor

BAD_SHARE = 0.2
_OPENS = {
    BUSY: "end that program: sudo lamppost agent ports",
    NOT_PERMITTED: "lamppost agent doctor --only serial.access",
}


def sensors(station: Station) -> list[Result]:
    """One result a sensor, the worst there is to say of it."""
    if station.settings is None:
        return [skip("sensor", "needs config.valid")]
    _ = station.profiles  # read once, before several threads want them
    with ThreadPoolExecutor(len(station.settings.sensors), thread_name_prefix="listen") as pool:
        return list(pool.map(partial(_sensor, station), station.settings.sensors))


def _sensor(station: Station, sensor: Sensor) -> Result:
    profile = station.profiles.get(sensor.name)
    if profile is None:
        return skip(f"sensor.{sensor.name}", "needs profile.exists")
    if station.said is not None:
        return _told(sensor, profile, station.said)
    return _heard(sensor, profile, station.listen_s)


def _told(sensor: Sensor, profile: Profile, said: dict[str, Any]) -> Result:
    """What the running agent says of a sensor."""
    check = f"sensor.{sensor.name}"
    mine = next((entry for entry in said["sensors"] if entry["name"] == sensor.name), None)
    if mine is None:
        return warn(check, "the running agent does not know it", "sudo lamppost agent service restart")
    if not mine["open"]:
        trouble = mine.get("trouble") or NO_SUCH_PORT
        return fail(check, f"no port: {trouble}", _OPENS.get(trouble, "plug it in; lamppost agent ports"))
    if mine.get("trouble"):
        return fail(check, mine["trouble"], STUCK_CURE)
    if mine.get("flaps"):
        return warn(check, "its port comes and goes: a loose plug, a weak supply?", "push it in, look at its cable")
    return _unheard(check, mine, profile, said["up_s"]) or _spoken(check, mine, profile)


def _unheard(check: str, mine: dict[str, Any], profile: Profile, up_s: float) -> Result | None:
    """Why a sensor is not heard; None when it is."""
    heard, unread, refused = mine.get("bytes", 0), mine.get("unread_bytes", 0), mine["bad"].get("refused")
    if refused and not mine["frames"]:
        cure = f"lamppost profiles show {profile.name}"
        return fail(check, f"refuses what it is asked ({refused} times): wrong options or model", cure)
    silence_s, age_s = mine.get("silence_s", profile.silence_s), _age_s(mine)
    if age_s <= silence_s:
        return None
    if unread >= FOREIGN_BYTES:
        text = f"{unread} bytes, none of them {profile.name}: another model or speed?"
        return fail(check, text, "lamppost agent probe")
    if mine["last_frame_ms"] is None and up_s < profile.warm_up_s + silence_s:
        if not heard:
            return warn(check, f"0 bytes in {span(up_s)}", f"{_wires(profile)} Some models speak after a minute only")
        return warn(check, f"{heard} bytes, no whole frame yet", "wait a minute, then look again")
    if only_damage(mine):
        bad = sum(mine["bad"].values())
        return fail(check, f"{bad} bad frames and no good one: wrong model or speed", "lamppost agent probe")
    told = "nothing since the agent started" if mine["last_frame_ms"] is None else f"silent for {span(age_s)}"
    return fail(check, told, _wires(profile))


def _wires(profile: Profile) -> str:
    """How this very model is connected: one that wants 24 V and has A and B is not helped by 5 V, TX and RX."""
    swapped = " Are A and B swapped?" if "RS-485" in profile.wiring.en else ""
    return f"check its wires and ground: {profile.wiring.en}{swapped}"


def _spoken(check: str, mine: dict[str, Any], profile: Profile) -> Result:
    """What is to be said of what a sensor says."""
    if mine["doubt"] == "stale":
        return fail(check, "repeats one value: stuck", "take its power away for 10 s")
    if mine["doubt"] not in PASSING:
        cure = f"take its power away for 10 s; is it that model? lamppost profiles show {profile.name}"
        return fail(check, f"says {mine['doubt']} of what it measures: not published", cure)
    bad, lately = sum(mine["bad"].values()), mine.get("lately", {"frames": 0, "bad": 0})
    total = sum(lately.values())
    if total >= 20 and lately["bad"] > BAD_SHARE * total:
        return fail(
            check, f"{lately['bad'] * 100 // total} % bad frames", "shorten the cable, check ground, keep off motors"
        )
    if not mine["values"] and mine["doubt"] is None and profile.kind != "detection":  # a road may be empty
        text = f"{mine['frames']} frames without a value: its mode, its options? Of a receiver: no fix"
        return warn(check, text, f"lamppost profiles show {profile.name}")
    if mine.get("crowded"):
        text = "its beam is never empty: it counts several vehicles as one"
        return warn(check, text, "let it look across the lane: docs/traffic.md")
    odd = out_of_range(mine["values"])
    if odd:
        return warn(check, f"{odd} is out of range", "look into its inlet; does it sit in the wet?")
    return ok(check, f"{mine['frames']} frames, last {span(_age_s(mine))} ago, {bad} bad")


def _age_s(mine: dict[str, Any]) -> float:
    """How long ago the last frame came; since 1970 when none has."""
    return time.time() - (mine["last_frame_ms"] or 0) / 1000


def _heard(sensor: Sensor, profile: Profile, listen_s: float) -> Result:
    """What a port says while no agent runs."""
    from serial import SerialTimeoutException

    from edge_agent.sensors.probing import Listening, plans

    check, began_s = f"sensor.{sensor.name}", time.monotonic()
    plan, *_ = plans([profile])  # the first is of its own speed
    listening = Listening([profile])
    try:
        heard = _listen(sensor.port, profile, plan.asks, listening, listen_s)
    except SerialTimeoutException:
        return fail(check, STUCK, STUCK_CURE)
    except (OSError, ValueError, termios.error) as error:
        why = why_not_opened(error)
        return fail(check, f"no port: {why}", _OPENS[BUSY]) if why == BUSY else skip(check, f"needs its port: {why}")
    heard_s = time.monotonic() - began_s
    verdicts = listening.verdicts()
    if verdicts:
        shown = reading(verdicts[0].values)
        return ok(check, f"{verdicts[0].sound} frames in {heard_s:.1f} s{': ' + shown if shown else ''}")
    if heard:
        return fail(check, f"{heard} bytes that are not {profile.name}", "lamppost agent probe")
    text = f"0 bytes in {heard_s:.0f} s"
    if profile.probe.listen and profile.kind == "detection" and not plan.asks:
        return warn(check, f"{text}: no target, or no power", "walk before it")
    return fail(check, text, _wires(profile))


def _listen(port: str, profile: Profile, asks: Iterable[Question], listening: Listening, listen_s: float) -> int:
    """Listen, then ask its questions; how many bytes came. Raises what a port raises that cannot be used."""
    from edge_agent.lines.serial_line import open_line

    heard = 0
    with open_line(port, profile.serial, timeout=0.1) as device:
        until_s = time.monotonic() + listen_s
        while time.monotonic() < until_s and not listening.decided():
            heard += len(piece := device.read(512))
            listening.feed(piece)
        for question in asks if not listening.promising() else ():
            for _ in range(3):
                device.write(question.data)
                time.sleep(question.wait_s)
                heard += len(piece := device.read(512))
                listening.answered(question, piece)
    return heard


def out_of_range(values: dict[str, float]) -> str | None:
    """The first value that cannot be, as `PM2.5 1200`; None when all can."""
    for name, value in values.items():
        known = QUANTITIES.get(name)
        if known is not None and not known.low <= value <= known.high:
            return reading({name: value})
    return None
