"""A port opened by ourselves and run as the agent would run it: for recording and watching where no agent runs."""

from __future__ import annotations

import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import serial

from device_profiles.profile import Profile
from edge_agent.lines.captures import Piece
from edge_agent.lines.not_opened import BUSY, DIALOUT_CURE, STUCK, STUCK_CURE, why_not_opened
from edge_agent.lines.serial_line import open_line
from edge_agent.sensors.bus import Bus
from edge_agent.sensors.sensor import Sensor
from wire.both import Both, zh
from wire.exits import Exit, Failure

READ_S = 0.05


@contextmanager
def opened(path: str, profile: Profile) -> Iterator[serial.Serial]:
    """The port with the settings of a profile. Raises Failure saying what keeps us from it and who has it, or what
    became of it.
    """
    try:
        device = open_line(path, profile.serial, READ_S)
        device.reset_input_buffer()
    except (OSError, ValueError, termios.error) as error:
        raise _failure(path, error) from error
    try:
        with device:
            yield device
    except serial.SerialTimeoutException as error:
        raise Failure(
            Exit.DEVICE_OR_PORT, "port-stuck", Both(f"{path}: {STUCK}", f"{path}：{zh(STUCK)}"), STUCK_CURE
        ) from error
    except OSError as error:  # pyserial's are such too
        raise Failure(
            Exit.DEVICE_OR_PORT,
            "port-lost",
            Both(f"{path} is gone", f"{path} 不见了"),
            Both("plug it in again", "请重新插上"),
        ) from error


def listen(path: str, profile: Profile, mode: str | None = None, seconds: float = float("inf")) -> Iterator[Piece]:
    """Pieces as they come and go, with seconds from the start; an empty one now and then. Raises Failure."""
    for _, piece in listen_to(path, [Sensor("", profile, mode=mode)], seconds):
        yield piece


def listen_to(path: str, sensors: Sequence[Sensor], seconds: float = float("inf")) -> Iterator[tuple[Sensor, Piece]]:
    """The same of all sensors that share the port, each piece with the one that it goes to or comes from."""
    with opened(path, sensors[0].profile) as device:
        bus, start_s = Bus(sensors), time.monotonic()
        bus.begin(start_s)
        while (now_s := time.monotonic()) - start_s < seconds:
            for ask in bus.due(now_s):
                device.write(ask.data)
                yield bus.speaker, Piece(time.monotonic() - start_s, ask.data, written=True)
            data = device.read(1)
            data += device.read(device.in_waiting) if data else b""
            now_s, speaker = time.monotonic(), bus.speaker
            if data:
                was_asked = speaker.poller.asked is not None
                speaker.feed(data, 0, now_s)
                bus.heard(was_asked, now_s)
            yield speaker, Piece(now_s - start_s, data)


def _failure(path: str, error: Exception) -> Failure:
    """What keeps us from a port, and who has it."""
    from edge_agent.lines.ports import holder_of

    if not Path(path).exists():
        text = Both(f"{path} does not exist", f"没有串口 {path}")
        return Failure(Exit.DEVICE_OR_PORT, "port-missing", text, "lamppost agent ports")
    holder = holder_of(str(Path(path).resolve()))
    if isinstance(error, PermissionError) or "Permission" in str(error):
        return Failure(
            Exit.NOT_PERMITTED, "port-not-permitted", Both(f"{path}: not permitted", f"{path}：没有权限"), DIALOUT_CURE
        )
    why = why_not_opened(error)
    busy = holder or why == BUSY
    if not busy:
        text = Both(f"{path} cannot be opened: {why}", f"{path} 打不开：{zh(why)}")
        return Failure(Exit.DEVICE_OR_PORT, "port-busy", text, "lamppost agent ports")
    text = Both(f"{path} is held by {holder or 'another program'}", f"{path} 被 {holder or '另一个程序'} 占用")
    cure = Both(
        "end that program; of an agent: sudo systemctl stop lamppost-agent, or lamppost agent watch --record",
        "关掉那个程序；采集程序：sudo systemctl stop lamppost-agent，或用 lamppost agent watch --record",
    )
    return Failure(Exit.DEVICE_OR_PORT, "port-busy", text, cure)
