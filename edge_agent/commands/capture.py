"""`lamppost capture`: a session on a real line becomes a file that replays: record, show, slice, play."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from edge_agent.commands.options import model, with_options
from wire.exits import Exit, Failure
from wire.numerals import number

if TYPE_CHECKING:
    from device_profiles.profile import Profile
    from edge_agent.lines.captures import Capture

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Sessions on serial lines: record, show, slice, play."
)
Folder = typer.Option(None, "--profiles", help="A folder of your own profiles.")


@app.command()
def record(
    port: str = typer.Argument(..., help="The port, by the name that `lamppost agent ports` shows."),
    profile: str = typer.Option(..., "--profile", "-p", help="The sensor's profile."),
    out: Path = typer.Option(..., "--out", "-o", help="The file to write."),
    seconds: float = typer.Option(float("inf"), "--seconds", "-s", help="How long; until Ctrl-C when left out."),
    mode: str | None = typer.Option(None, "--mode", help="How the sensor is run, as its profile offers."),
    option: list[str] = typer.Option([], "--option", help="name=value of the unit, such as baud=4800."),
    folder: Path | None = Folder,
) -> None:
    """Record what goes over a line. A port that the agent holds is recorded with `lamppost agent watch --record`.

    Example:  lamppost capture record /dev/ttyUSB0 --profile nova-sds011 -o street.cap --seconds 60
    """
    from edge_agent.lines.captures import head
    from edge_agent.lines.listening import listen

    sensor = with_options(_profile(profile, folder), option)
    tally = _Tally(sensor)
    with created(out) as file:
        print(*head(facts_of(sensor, port)), sep="\n", file=file)
        try:
            for piece in listen(port, sensor, mode, seconds):
                if not piece.data:
                    continue
                print(piece.line(), file=file)
                if not piece.written:
                    tally.take(piece.data)
                    _say(f"\r{piece.t_s:8.1f} s  {tally}  ", end="")
        except KeyboardInterrupt:
            pass
        finally:
            tally.end()
            print(*(f"# {key}: {count}" for key, count in tally.facts().items()), sep="\n", file=file)
    _say(f"\r{out}: {tally}")


@app.command()
def show(
    file: Path = typer.Argument(..., help="The capture."),
    profile: str | None = typer.Option(None, "--profile", "-p", help="Another profile than the file names."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a frame."),
    folder: Path | None = Folder,
) -> None:
    """What a capture holds, frame by frame. Exit code 1 when some of it is damaged.

    Example:  lamppost capture show street.cap
    """
    capture = _load(file)
    sensor = _profile(profile or capture.facts.get("profile", ""), folder)
    if not as_json:
        for key, value in capture.facts.items():
            typer.echo(f"{key:12} {value}")
    counts: Counter[str] = Counter()
    for frame in _frames(capture, sensor):
        counts["damaged" if "bad" in frame else "measurement" if frame["measurement"] else "answer"] += 1
        typer.echo(json.dumps(frame, ensure_ascii=False) if as_json else _frame_line(frame))
    _say(f"{_counted(counts)} in {capture.seconds:.1f} s")
    raise typer.Exit(Exit.NOT_HEALTHY if counts["damaged"] or not counts else Exit.FINE)


@app.command("slice")
def cut(
    file: Path = typer.Argument(..., help="The capture."),
    out: Path = typer.Option(..., "--out", "-o", help="The file to write; - is stdout."),
    from_s: float = typer.Option(0.0, "--from", help="Seconds from the start."),
    to_s: float = typer.Option(float("inf"), "--to", help="Seconds from the start."),
    folder: Path | None = Folder,
) -> None:
    """A part of a capture as a capture of its own: small enough for a test or a mail. What it holds is counted anew.

    Example:  lamppost capture slice street.cap --from 12 --to 15 -o fault.cap
    """
    part = _load(file).part(from_s, to_s)
    if not part.pieces:
        text = f"{file}: nothing went over the line from {from_s:g} to {to_s:g} s"
        raise Failure(Exit.USAGE, "slice-empty", text, f"lamppost capture show {file}")
    with suppress(Failure):  # of a model that nobody knows it is a capture all the same
        tally = _Tally(_profile(part.facts.get("profile", ""), folder))
        for data in part.reads:
            tally.take(data)
        tally.end()
        part.facts.update(tally.facts())
    if str(out) == "-":
        typer.echo(part.text(), nl=False)
    else:
        with created(out) as written:
            written.write(part.text())
        _say(f"{out}: {len(part.pieces)} pieces, {part.seconds:.1f} s")


@app.command()
def play(
    file: Path = typer.Argument(..., help="The capture."),
    speed: str = typer.Option("1x", "--speed", help="1x is true time, 10x ten times as fast, max without waiting."),
    link: Path | None = typer.Option(None, "--link", help="A name for the port."),
    loop: bool = typer.Option(False, "--loop", help="Again and again, until Ctrl-C."),
    wait_s: float = typer.Option(60.0, "--wait", help="Seconds to wait for a reader."),
) -> None:
    """Play a capture onto a pseudo-terminal, for whatever reads a serial port.

    The port's name is printed first; playing begins when somebody opens it.

    Example:  lamppost capture play street.cap --speed 10x --link /tmp/air-1
    """
    from edge_agent.lines.playing import moments, stage

    factor = _factor(speed)
    capture = _load(file)
    with stage(link) as port:
        print(port.path, flush=True)
        if not port.reader_came(wait_s):
            text = f"nobody opened {port.path} in {wait_s:g} s"
            raise Failure(Exit.TIMED_OUT, "no-reader", text, "open it, or wait longer with --wait")
        try:
            while True:
                start_s = time.monotonic()
                for t_s, data in moments(capture):
                    time.sleep(max(0.0, start_s + t_s / factor - time.monotonic()) if factor else 0.001)
                    port.send(data)
                if not loop:
                    break
            time.sleep(0.2)  # the last bytes are fetched before the port goes
        except KeyboardInterrupt:
            pass
    _say(f"{file}: played")


def created(out: Path) -> TextIO:
    """A new file for a capture. Raises Failure."""
    try:
        return out.open("w", encoding="utf-8")
    except OSError as error:
        raise Failure(Exit.NOT_PERMITTED, "file-unwritable", f"{out}: {error.strerror}", "another file") from error


def facts_of(profile: Profile, port: str) -> dict[str, str]:
    """The first facts of a new capture."""
    return {
        "profile": profile.ref,
        "port": port,
        "line": profile.serial.told,
        "started": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


class _Tally:
    """Counts what comes while recording."""

    def __init__(self, profile: Profile) -> None:
        from edge_agent.sensors.framing import Framer

        self.counts: Counter[str] = Counter()
        self._profile, self._framer = profile, Framer(profile)

    def take(self, data: bytes) -> None:
        self._count(self._framer.feed(data))

    def end(self) -> None:
        self._count(self._framer.flush())

    def facts(self) -> dict[str, str]:
        """What a capture says of itself, and a test looks for."""
        return {"measurements": str(self.counts["measurement"]), "damaged": str(self.counts["damaged"])}

    def _count(self, items: Any) -> None:
        from edge_agent.sensors.decoding import Values, decode
        from edge_agent.sensors.framing import Frame

        for item in items:
            values = decode(self._profile, item) if isinstance(item, Frame) else item
            measured = isinstance(values, Values) and values.measurement
            self.counts["measurement" if measured else "answer" if isinstance(values, Values) else "damaged"] += 1

    def __str__(self) -> str:
        return _counted(self.counts)


def _counted(counts: Counter[str]) -> str:
    return f"{counts['measurement']} measurements, {counts['answer']} answers, {counts['damaged']} damaged"


def _frames(capture: Capture, profile: Profile) -> Iterator[dict[str, Any]]:
    """Every frame with the time at which it was complete. A request that waits for its answer tells what it is."""
    from edge_agent.commands.profiles import told
    from edge_agent.sensors.commands import recognise
    from edge_agent.sensors.framing import Framer

    framer, asked, t_s = Framer(profile), None, 0.0
    for piece in capture.pieces:
        t_s = piece.t_s if piece.t_s is not None else t_s
        if piece.written:
            found = recognise(profile, piece.data)
            asked = found[0].command if isinstance(found, list) else None
            continue
        for item in framer.feed(piece.data):
            yield {"t_s": round(t_s, 3), **told(profile, item, asked)}
    for item in framer.flush():
        yield {"t_s": round(t_s, 3), **told(profile, item, asked)}


def _frame_line(frame: dict[str, Any]) -> str:
    if "bad" in frame:
        return f"{frame['t_s']:9.3f}  bad: {frame['bad']}  {frame['hex'][:60]}"
    rows = [" ".join(f"{key}={cell['value']:g}" for key, cell in row.items()) for row in frame["rows"]]
    flags = f"  [{', '.join(frame['flags'])}]" if frame["flags"] else ""
    return f"{frame['t_s']:9.3f}  {frame['message']}  {' | '.join(rows)}{flags}"


def _factor(speed: str) -> float:
    """How many times true time; 0 for as fast as it goes."""
    if speed == "max":
        return 0.0
    try:
        factor = number(speed.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < 1e6:
        raise Failure(Exit.USAGE, "speed-unknown", f"--speed {speed} is no speed", "1x, 10x, 0.5x or max")
    return factor


def _load(file: Path) -> Capture:
    from edge_agent.lines.captures import CaptureError, load

    try:
        return load(file)
    except CaptureError as error:
        raise Failure(Exit.CONFIGURATION, "no-capture", str(error)) from error
    except FileNotFoundError as error:
        raise Failure(Exit.CONFIGURATION, "file-missing", f"{file} does not exist") from error
    except OSError as error:
        raise Failure(Exit.NOT_PERMITTED, "file-unreadable", f"{file}: {error.strerror}") from error


def _profile(name: str, folder: Path | None) -> Profile:
    if not name:
        raise Failure(Exit.USAGE, "profile-missing", "the capture names no profile", "name one with --profile")
    return model(name, folder)


def _say(text: str, end: str = "\n") -> None:
    if end or sys.stderr.isatty():
        print(text, end=end, file=sys.stderr, flush=True)
