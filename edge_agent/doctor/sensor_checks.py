"""Does each sensor speak, soundly, freshly, and sensibly? Asked of the running agent, else of the port itself."""

from __future__ import annotations

import termios
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from edge_agent.doctor.result import Result, Station, fail, needs, ok, skip, warn
from edge_agent.lines.not_opened import (
    BUSY,
    END_IT,
    NO_SUCH_PORT,
    NOT_PERMITTED,
    STUCK,
    STUCK_CURE,
    known,
    why_not_opened,
)
from edge_agent.screens.words import reading, span
from edge_agent.sensor_state import FOREIGN_BYTES, PASSING, only_damage
from wire.both import Both, same, zh
from wire.quantities import QUANTITIES

if TYPE_CHECKING:
    from device_profiles.profile import Profile
    from edge_agent.sensors.probing import Listening, Question
    from edge_agent.settings.config import Sensor

BAD_SHARE = 0.2
_OPENS = {
    BUSY: END_IT,
    NOT_PERMITTED: same("lamppost agent doctor --only serial.access"),
}
_PLUG = Both("plug it in; lamppost agent ports", "请插上；lamppost agent ports")
_PROBE = same("lamppost agent probe")
_POWER = Both("take its power away for 10 s", "断电 10 秒再通电")


def sensors(station: Station) -> list[Result]:
    """One result a sensor, the worst there is to say of it."""
    if station.settings is None:
        return [skip("sensor", needs("config.valid"))]
    _ = station.profiles  # read once, before several threads want them
    lines = [[station.settings.sensors[number] for number in line] for line in station.settings.lines().values()]
    with ThreadPoolExecutor(len(lines), thread_name_prefix="listen") as pool:
        found = {result.id: result for line in pool.map(partial(_line, station), lines) for result in line}
    return [found[f"sensor.{sensor.name}"] for sensor in station.settings.sensors]


def _line(station: Station, sensors: list[Sensor]) -> list[Result]:
    """Those that share a port one after the other; they speak only when asked, and nobody need listen first."""
    listen_s = station.listen_s if len(sensors) == 1 else 0.0
    return [_sensor(station, sensor, listen_s) for sensor in sensors]


def _sensor(station: Station, sensor: Sensor, listen_s: float) -> Result:
    profile = station.profiles.get(sensor.name)
    if profile is None:
        return skip(f"sensor.{sensor.name}", needs("profile.exists"))
    if station.said is not None:
        return _told(sensor, profile, station.said)
    return _heard(sensor, profile, listen_s)


def _told(sensor: Sensor, profile: Profile, said: dict[str, Any]) -> Result:
    """What the running agent says of a sensor."""
    check = f"sensor.{sensor.name}"
    mine = next((entry for entry in said["sensors"] if entry["name"] == sensor.name), None)
    if mine is None:
        text = Both("the running agent does not know it", "运行中的采集程序还不认识它")
        return warn(check, text, same("sudo lamppost agent service restart"))
    if not mine["open"]:
        trouble = known(mine.get("trouble") or NO_SUCH_PORT)
        return fail(check, _no_port(trouble), _OPENS.get(trouble, _PLUG))
    if mine.get("trouble"):
        return fail(check, known(mine["trouble"]), STUCK_CURE)
    if mine.get("flaps"):
        text = Both(
            "its port comes and goes: a loose plug, a weak supply?",
            "串口时有时无：插头松了，还是供电不足？",
        )
        return warn(check, text, Both("push it in, look at its cable", "插紧，检查线缆"))
    return _unheard(check, mine, profile, said["up_s"]) or _spoken(check, mine, profile)


def _no_port(why: Both) -> Both:
    return Both(f"no port: {why}", f"串口打不开：{zh(why)}")


def _unheard(check: str, mine: dict[str, Any], profile: Profile, up_s: float) -> Result | None:
    """Why a sensor is not heard; None when it is."""
    heard, unread, refused = mine.get("bytes", 0), mine.get("unread_bytes", 0), mine["bad"].get("refused")
    if refused and not mine["frames"]:
        text = Both(
            f"refuses what it is asked ({refused} times): wrong options or model",
            f"拒绝了 {refused} 次询问：选项或型号不对",
        )
        return fail(check, text, _model(profile))
    silence_s, age_s = mine.get("silence_s", profile.silence_s), _age_s(mine)
    if age_s <= silence_s:
        return None
    if unread >= FOREIGN_BYTES:
        text = Both(
            f"{unread} bytes, none of them {profile.name}: another model or speed?",
            f"收到 {unread} 字节，都不是 {profile.name}：型号或波特率不同？",
        )
        return fail(check, text, _PROBE)
    if mine["last_frame_ms"] is None and up_s < profile.warm_up_s + silence_s:
        if not heard:
            wires = _wires(profile)
            cure = Both(f"{wires} Some models speak after a minute only", f"{zh(wires)}有的型号一分钟后才有数据")
            return warn(check, Both(f"0 bytes in {span(up_s)}", f"{zh(span(up_s))}内没有收到字节"), cure)
        text = Both(f"{heard} bytes, no whole frame yet", f"收到 {heard} 字节，还没有完整的帧")
        return warn(check, text, Both("wait a minute, then look again", "等一分钟再看"))
    if only_damage(mine):
        bad = sum(mine["bad"].values())
        text = Both(
            f"{bad} bad frames and no good one: wrong model or speed",
            f"{bad} 个坏帧，没有一个好的：型号或波特率不对",
        )
        return fail(check, text, _PROBE)
    told = Both("nothing since the agent started", "采集程序启动以来没有数据")
    if mine["last_frame_ms"] is not None:
        told = Both(f"silent for {span(age_s)}", f"已有 {zh(span(age_s))}没有数据")
    return fail(check, told, _wires(profile))


def _model(profile: Profile) -> Both:
    return same(f"lamppost profiles show {profile.name}")


def _wires(profile: Profile) -> Both:
    """How this very model is connected: one that wants 24 V and has A and B is not helped by 5 V, TX and RX."""
    wiring = profile.wiring
    swapped = Both(" Are A and B swapped?", "A、B 接反了吗？") if "RS-485" in wiring.en else same("")
    return Both(
        f"check its wires and ground: {wiring.en}{swapped}",
        f"检查接线和接地：{wiring.zh}{zh(swapped)}",
    )


def _spoken(check: str, mine: dict[str, Any], profile: Profile) -> Result:
    """What is to be said of what a sensor says."""
    if mine["doubt"] == "stale":
        return fail(check, Both("repeats one value: stuck", "数值一直不变：卡死了"), _POWER)
    if mine["doubt"] not in PASSING:
        cure = Both(f"{_POWER}; is it that model? {_model(profile)}", f"{zh(_POWER)}；型号对吗？{_model(profile)}")
        text = Both(
            f"says {mine['doubt']} of what it measures: not published",
            f"自报 {mine['doubt']}：数值不发布",
        )
        return fail(check, text, cure)
    bad, lately = sum(mine["bad"].values()), mine.get("lately", {"frames": 0, "bad": 0})
    total = sum(lately.values())
    if total >= 20 and lately["bad"] > BAD_SHARE * total:
        share = lately["bad"] * 100 // total
        cure = Both("shorten the cable, check ground, keep off motors", "缩短线缆，检查接地，远离电机")
        return fail(check, Both(f"{share} % bad frames", f"坏帧占 {share}%"), cure)
    if not mine["values"] and mine["doubt"] is None and profile.kind != "detection":  # a road may be empty
        text = Both(
            f"{mine['frames']} frames without a value: its mode, its options? Of a receiver: no fix",
            f"{mine['frames']} 帧都没有数值：模式或选项不对？定位模块则是还没有定位",
        )
        return warn(check, text, _model(profile))
    if mine.get("crowded"):
        text = Both(
            "its beam is never empty: it counts several vehicles as one",
            "波束里一直有车：几辆车会计成一辆",
        )
        cure = Both("let it look across the lane: docs/traffic.md", "让它横对车道：docs/traffic.md")
        return warn(check, text, cure)
    odd = out_of_range(mine["values"])
    if odd:
        cure = Both("look into its inlet; does it sit in the wet?", "看看进气口；是否受潮？")
        return warn(check, Both(f"{odd} is out of range", f"{zh(odd)} 超出量程"), cure)
    frames, age = mine["frames"], span(_age_s(mine))
    return ok(
        check, Both(f"{frames} frames, last {age} ago, {bad} bad", f"{frames} 帧，最近 {zh(age)}前，{bad} 个坏帧")
    )


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
        if why == BUSY:
            return fail(check, _no_port(why), END_IT)
        return skip(check, Both(f"needs its port: {why}", zh(_no_port(why))))
    heard_s = time.monotonic() - began_s
    verdicts = listening.verdicts()
    if verdicts:
        sound, shown = verdicts[0].sound, reading(verdicts[0].values)
        text = Both(f"{sound} frames in {heard_s:.1f} s", f"{heard_s:.1f} 秒收到 {sound} 帧")
        return ok(check, Both(f"{text}: {shown}", f"{zh(text)}：{zh(shown)}") if shown else text)
    if heard:
        text = Both(f"{heard} bytes that are not {profile.name}", f"收到 {heard} 字节，但不是 {profile.name}")
        return fail(check, text, _PROBE)
    text = Both(f"0 bytes in {heard_s:.0f} s", f"{heard_s:.0f} 秒没有收到字节")
    if profile.probe.listen and profile.kind == "detection" and not plan.asks:
        text = Both(f"{text}: no target, or no power", f"{zh(text)}：没有目标，或没有供电")
        return warn(check, text, Both("walk before it", "在它前面走动一下"))
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


def out_of_range(values: dict[str, float]) -> Both | None:
    """The first value that cannot be, as `PM2.5 1200`; None when all can."""
    for name, value in values.items():
        known = QUANTITIES.get(name)
        if known is not None and not known.low <= value <= known.high:
            return reading({name: value})
    return None
