"""`lamppost agent watch`: live values of the sensors, beside a running agent or instead of one."""

from __future__ import annotations

import json
import queue
import shutil
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import typer

from common.language import told
from edge_agent.commands.options import CONFIG
from wire.both import Both, one_of, zh
from wire.exits import WITH_SUDO, Exit, Failure

if TYPE_CHECKING:
    from device_profiles.profile import Profile
    from edge_agent.screens.watching import Seen, Watch
    from edge_agent.sensors.sensor import Sensor

REDRAW_S = 0.5
CLEAR, HOME, REST = "\x1b[2J", "\x1b[H", "\x1b[J"


class Event(NamedTuple):
    """What went over the line of one sensor; no data: time has passed."""

    sensor: int
    data: bytes
    written: bool = False


class Source(NamedTuple):
    """Where events come from: the sensors, and the events themselves."""

    sensors: list[tuple[str, Profile, str, float]]  # name, profile, port, and for how long it may be silent
    events: Iterator[Event]
    status: Path | None  # the running agent's, when events come through it


def watch(
    names: list[str] = typer.Argument(None, metavar="SENSOR", help="Sensors by name; all when left out."),
    raw: bool = typer.Option(False, "--raw", help="Every frame in hex with the boundaries of its fields."),
    record: Path | None = typer.Option(None, "--record", help="Also write a capture (one a sensor when several)."),
    every: bool = typer.Option(False, "--all", help="Every value of a sensor, not only the telling ones."),
    seconds: float = typer.Option(float("inf"), "--seconds", help="End after so long."),
    config: Path = CONFIG,
    as_json: bool = typer.Option(False, "--json", help="One JSON object a frame."),
) -> None:
    """Live values with unit, age, quality and bad frames. Works beside the running agent, which holds the ports.

    Without an agent the ports are opened. Ctrl-C ends.

    Examples:  lamppost agent watch
               lamppost agent watch air-1 --raw --record street.cap
    """
    from common.settings import load_settings
    from edge_agent.device import running
    from edge_agent.settings.config import SETTINGS_CURE, Config
    from edge_agent.tap import socket_path

    settings = load_settings(Config, config, SETTINGS_CURE)
    path = socket_path(settings.status_file)
    source = _beside_agent(path, settings.status_file)
    if source is None and running.find(settings.status_file) is not None:
        text = Both(
            f"an agent runs, but not with the socket {path}",
            f"采集程序在运行，但没有套接字 {path}",
        )
        cure = Both("its log says why: lamppost agent service logs", "原因见日志：lamppost agent service logs")
        raise Failure(Exit.DEVICE_OR_PORT, "watch-shut", text, cure)
    source = source or _alone(config, names or [])
    chosen = _chosen(source, names or [])
    if not as_json:
        how = Both("no agent runs: the ports are opened here", "采集程序没有运行，由本命令打开串口")
        if source.status:
            how = Both("beside the running agent", "与运行中的采集程序并行")
        few, all_of_them = len(chosen), len(source.sensors)
        text = Both(
            f"watching {few} of {all_of_them} sensors, {how}",
            f"查看 {few} 个传感器（共 {all_of_them} 个），{zh(how)}",
        )
        print(told(text), file=sys.stderr)
    with ExitStack() as files:
        screen = _Screen(source, chosen, raw or as_json, every, as_json, _recorders(files, source, chosen, record))
        try:
            screen.run(seconds)
        except KeyboardInterrupt:
            pass
        finally:
            screen.end()


class _Screen:
    """Draws, prints and records what comes."""

    def __init__(
        self, source: Source, chosen: set[int], lines: bool, every: bool, as_json: bool, files: dict[int, TextIO]
    ) -> None:
        from edge_agent.screens.watching import Watch

        self._start_s = time.monotonic()
        self._watches: dict[int, Watch] = {
            number: Watch(name, profile, self._start_s, silence_s)
            for number, (name, profile, _, silence_s) in enumerate(source.sensors)
            if number in chosen
        }
        self._ports = {number: Path(port) for number, (_, _, port, _) in enumerate(source.sensors) if number in chosen}
        self._status, self._events, self._files = source.status, source.events, files
        self._lines, self._every, self._as_json = lines, every, as_json
        self._drawn_s = 0.0
        self._live = sys.stdout.isatty() and not lines

    def run(self, seconds: float) -> None:
        """Until the time is over or the source ends."""
        if self._live:
            print(CLEAR, end="")
        for event in self._events:
            now_s = time.monotonic()
            if event.data and event.sensor in self._watches:
                self._take(event, now_s)
            if self._live and now_s - self._drawn_s >= REDRAW_S:
                self._drawn_s = now_s
                self._draw(now_s)
            if now_s - self._start_s >= seconds:
                break

    def end(self) -> None:
        """The last picture stays where a person looked; a program gets it once."""
        if not self._lines:
            self._draw(time.monotonic())
        for number, file in self._files.items():
            seen = self._watches[number]
            print(f"# measurements: {seen.frames}\n# damaged: {seen.bad.total()}", file=file)

    def _take(self, event: Event, now_s: float) -> None:
        from edge_agent.lines.captures import Piece

        seen = self._watches[event.sensor]
        if event.sensor in self._files:
            piece = Piece(now_s - self._start_s, event.data, event.written)
            print(piece.line(), file=self._files[event.sensor], flush=True)
        if event.written:
            seen.wrote(event.data, now_s)
            return
        for frame in seen.read(event.data, now_s):
            if self._lines:
                self._print(seen, frame)

    def _print(self, seen: Watch, frame: Seen) -> None:
        from edge_agent.commands.profiles import told_of
        from edge_agent.screens.watching import raw_line

        moment = time.time()
        if self._as_json:
            said = {"sensor": seen.name, "ms": round(moment * 1000), **told_of(frame.decoded, frame.data)}
            print(json.dumps(said, ensure_ascii=False), flush=True)
        else:
            clock = time.strftime("%H:%M:%S", time.localtime(moment)) + f".{int(moment * 10) % 10}"
            print(_folded(told(raw_line(seen, frame, clock))), flush=True)

    def _draw(self, now_s: float) -> None:
        from edge_agent.lines.not_opened import known
        from edge_agent.screens.watching import screen

        said = _troubles(self._status)
        for number, watch in self._watches.items():
            why = said.get(watch.name)
            if not self._ports[number].exists():
                watch.trouble = Both("port gone: unplugged?", "串口不见了：拔掉了？")
            else:
                watch.trouble = Both(f"port: {why}", f"串口：{zh(known(why))}") if why else None
        lines = map(told, screen(list(self._watches.values()), now_s, time.strftime("%H:%M:%S"), self._every))
        if self._live:
            print(HOME + "\n".join(f"{line}\x1b[K" for line in lines) + "\n" + REST, end="", flush=True)
        else:
            print("\n".join(lines))


def _troubles(status: Path | None) -> dict[str, str | None]:
    """What the running agent says of its sensors' ports; nothing when no agent runs, or has not written yet."""
    try:
        said = json.loads(status.read_text(encoding="utf-8")) if status is not None else {"sensors": []}
    except (OSError, ValueError):
        return {}
    return {sensor["name"]: sensor["trouble"] for sensor in said["sensors"]}


def _folded(line: str) -> str:
    """A line no wider than the terminal, cut between bytes and not within; as it is for a file or a pipe."""
    if not sys.stdout.isatty():
        return line
    return textwrap.fill(line, shutil.get_terminal_size().columns, subsequent_indent="  ", break_on_hyphens=False)


def _beside_agent(path: Path, status: Path) -> Source | None:
    """The running agent's socket; None when no agent runs."""
    from device_profiles.catalogue import load

    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(str(path))
    except PermissionError as error:
        link.close()
        text = Both(f"{path}: not permitted", f"{path}：没有权限")
        raise Failure(Exit.NOT_PERMITTED, "watch-not-permitted", text, WITH_SUDO) from error
    except OSError:  # nothing is there, nobody listens, or it could never be made: too long a name
        link.close()
        return None
    stream = link.makefile("rb")
    about: dict[str, Any] = json.loads(stream.readline())
    catalogue = load(Path(about["profiles"]) if about["profiles"] else None)
    sensors = [
        (said["name"], catalogue.get(said["profile"]).with_options(said["options"]), said["port"], said["silence_s"])
        for said in about["sensors"]
    ]
    return Source(sensors, _from_agent(link), status)


def _from_agent(link: socket.socket) -> Iterator[Event]:
    link.settimeout(REDRAW_S / 2)
    waiting = b""
    with link:
        while True:
            try:
                data = link.recv(65536)
            except TimeoutError:
                yield Event(0, b"")
                continue
            if not data:
                text = Both("the agent has ended", "采集程序已经结束")
                raise Failure(Exit.DEVICE_OR_PORT, "agent-ended", text, "lamppost agent status")
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                said = json.loads(line)
                yield Event(said["s"], bytes.fromhex(said.get("r") or said.get("w") or ""), "w" in said)


def _alone(config: Path, names: list[str]) -> Source:
    """No agent runs: the ports of the sensors that are watched are opened and run as the agent would run them."""
    from device_profiles.catalogue import load
    from edge_agent.settings.check import checked_file
    from edge_agent.settings.sensor import sensor_of

    settings = checked_file(config)
    catalogue = load(settings.profiles)
    made = [sensor_of(catalogue, wants) for wants in settings.sensors]
    sensors = [
        (sensor.name, sensor.profile, wants.port, sensor.silence_s)
        for sensor, wants in zip(made, settings.sensors, strict=True)
    ]
    lines = {
        port: {made[number]: number for number in numbers}
        for port, numbers in settings.lines().items()
        if not names or any(made[number].name in names for number in numbers)
    }
    return Source(sensors, _heard(lines), None)


def _heard(lines: Mapping[str, Mapping[Sensor, int]]) -> Iterator[Event]:
    """What the sensors of these ports say, and nothing now and then. Raises the last Failure when none is left."""
    from edge_agent.lines.listening import listen_to

    heard: queue.SimpleQueue[Event | Failure] = queue.SimpleQueue()

    def read(port: str, numbers: Mapping[Sensor, int]) -> None:
        try:
            for sensor, piece in listen_to(port, list(numbers)):
                if piece.data:
                    heard.put(Event(numbers[sensor], piece.data, piece.written))
        except Failure as failure:
            heard.put(failure)

    for line in lines.items():
        threading.Thread(target=read, args=line, daemon=True).start()
    failed = 0
    while True:
        try:
            event = heard.get(timeout=REDRAW_S / 2)
        except queue.Empty:
            event = Event(0, b"")
        if not isinstance(event, Failure):
            yield event
            continue
        failed += 1
        if failed == len(lines):
            raise event
        print(f"lamppost: {told(event.line())}", file=sys.stderr)


def _chosen(source: Source, names: list[str]) -> set[int]:
    known = [name for name, *_ in source.sensors]
    for name in names:
        if name not in known:
            text = Both(f"there is no sensor {name}", f"没有传感器 {name}")
            raise Failure(Exit.USAGE, "sensor-unknown", text, one_of(known))
    return {number for number, name in enumerate(known) if not names or name in names}


def _recorders(files: ExitStack, source: Source, chosen: set[int], record: Path | None) -> dict[int, TextIO]:
    """A capture file for each sensor that is watched, its facts written."""
    from edge_agent.commands.capture import created, facts_of
    from edge_agent.lines.captures import head

    found: dict[int, TextIO] = {}
    for number in sorted(chosen) if record is not None else ():
        assert record is not None
        name, profile, port, _ = source.sensors[number]
        path = record if len(chosen) == 1 else record.with_name(f"{record.stem}-{name}{record.suffix}")
        found[number] = files.enter_context(created(path))
        print(*head(facts_of(profile, port)), sep="\n", file=found[number])
    return found
