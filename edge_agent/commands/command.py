"""`lamppost agent command`: say something to a sensor by hand; zero, span and the like are sent only so."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from common.language import told
from edge_agent.commands.options import CONFIG, JSON
from wire import numerals
from wire.both import Both, joined, one_of, same, zh
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from device_profiles.profile import Profile
    from edge_agent.settings.config import Sensor as SensorConfig

QUIET_S = 0.3


class Wanted(NamedTuple):
    """A command and the values given for it."""

    name: str
    values: dict[str, int | str]


def command(
    sensor: str = typer.Argument(..., help="The sensor, by its name in the settings."),
    words: list[str] = typer.Argument(None, metavar="COMMAND [NAME=VALUE]", help="None: list them."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask before a command that changes a calibration."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Send commands of its profile to a sensor and print what it answers. Without a command: list them.

    The agent never sends zero, span, ranges or factory resets by itself. Stop its service first: it holds the port.

    Examples:  lamppost agent command co2-1
               lamppost agent command co2-1 calibrate_span span_ppm=2000
               lamppost agent command radar-1 enable_config read_firmware end_config
    """
    from common.settings import load_settings
    from device_profiles.catalogue import load
    from edge_agent.settings.config import SETTINGS_CURE, Config
    from edge_agent.settings.sensor import sensor_of

    settings = load_settings(Config, config, SETTINGS_CURE)
    wants = next((one for one in settings.sensors if one.name == sensor), None)
    if wants is None:
        text = Both(f"there is no sensor {sensor}", f"没有传感器 {sensor}")
        raise Failure(Exit.USAGE, "sensor-unknown", text, one_of(one.name for one in settings.sensors))
    profile = sensor_of(load(settings.profiles), wants).profile
    if not words:
        typer.echo(told(_listed(profile)))
        return
    wanted = _wanted(profile, words)
    _allowed(profile, wanted, yes)
    answers = [_send(profile, wants, one, as_json) for one in wanted]
    if as_json:
        typer.echo(json.dumps(answers, ensure_ascii=False))
    if any(answer["missing"] for answer in answers):
        raise typer.Exit(Exit.TIMED_OUT)
    if any(answer["refused"] for answer in answers):
        raise typer.Exit(Exit.NOT_HEALTHY)


def _listed(profile: Profile) -> Both:
    lines: list[Both] = []
    for name, known in profile.commands.items():
        slots = " ".join(f"{slot}={_range(profile, name, slot)}" for slot in known.slots if slot not in profile.options)
        mark = Both("  (by a person only)", "  （只能由人发送）") if known.person else ""
        lines.append(joined("", [f"{name} {slots}".rstrip(), mark]))
        if known.note is not None:
            lines.append(same(f"    {known.note.en} {known.note.zh}"))
    return joined("\n", lines)


def _range(profile: Profile, name: str, slot: str) -> str:
    param = profile.commands[name].params.get(slot)
    if param is None:
        return "VALUE"
    low, high = param.min or 0, param.max if param.max is not None else "..."
    return f"{low}..{high}" + (f" [{param.default}]" if param.default is not None else "")


def _wanted(profile: Profile, words: list[str]) -> list[Wanted]:
    """Commands with their values. Raises Failure naming the nearest command, or a value that cannot be."""
    from common.strict_model import word
    from edge_agent.sensors.commands import command_bytes

    found: list[Wanted] = []
    for text in words:
        name, equals, value = text.partition("=")
        if equals and found:
            is_text = profile.commands[found[-1].name].kinds.get(name, "").startswith("hex")  # 0160 is no 160
            found[-1].values[name] = value if is_text else _number_or_text(value)
        elif name in profile.commands:
            found.append(Wanted(name, {}))
        else:
            text = f"command {word(name, profile.commands)}"
            cure = Both("name the sensor alone to list its commands", "只写传感器名就会列出它的命令")
            raise Failure(Exit.USAGE, "command-unknown", Both(text, f"没有命令 {name}"), cure)
    for one in found:
        strange = set(one.values) - set(profile.commands[one.name].slots)
        if strange:
            text = f"{one.name}: {word(strange.pop(), profile.commands[one.name].slots)}"
            raise Failure(Exit.USAGE, "value-unknown", text)
        try:
            command_bytes(profile, one.name, one.values)
        except ValueError as error:
            raise Failure(
                Exit.USAGE,
                "value-impossible",
                str(error),
                Both("NAME=VALUE behind the command", "在命令后面写 NAME=VALUE"),
            ) from error
    return found


def _number_or_text(value: str) -> int | str:
    try:
        return numerals.whole(value)
    except ValueError:
        return value


def _allowed(profile: Profile, wanted: list[Wanted], yes: bool) -> None:
    """A command for persons needs a person."""
    grave = [one.name for one in wanted if profile.commands[one.name].person]
    if not grave or yes:
        return
    if not sys.stdin.isatty():
        text = Both(
            f"{', '.join(grave)} changes the sensor for good and nobody is here to confirm",
            f"{'、'.join(grave)} 会永久改变传感器，而这里没有人确认",
        )
        raise Failure(Exit.USAGE, "not-confirmed", text, "--yes")
    question = Both(
        f"{', '.join(grave)} changes the sensor for good. Send it?",
        f"{'、'.join(grave)} 会永久改变传感器。要发送吗？",
    )
    if not typer.confirm(told(question), err=True):
        raise typer.Exit(Exit.USAGE)


def _send(profile: Profile, wants: SensorConfig, one: Wanted, as_json: bool) -> dict[str, Any]:
    """Send one command, wait for its reply, print it."""
    from edge_agent.commands.profiles import told_of
    from edge_agent.lines.listening import opened
    from edge_agent.sensors.commands import command_bytes
    from edge_agent.sensors.decoding import Values, decode
    from edge_agent.sensors.framing import Frame, Framer

    known, framer = profile.commands[one.name], Framer(profile)
    answer: dict[str, Any] = {"command": one.name, "sent": "", "answer": None, "missing": known.reply is not None}
    answer["refused"], refusals = False, profile.named("refusal")
    with opened(wants.port, profile) as device:
        data = command_bytes(profile, one.name, one.values)
        answer["sent"] = data.hex(" ")
        device.write(data)
        until_s = time.monotonic() + (known.timeout_s if known.reply is not None else QUIET_S)
        while time.monotonic() < until_s and answer["answer"] is None:
            for item in framer.feed(device.read(256)):
                values = decode(profile, item, one.name) if isinstance(item, Frame) else None
                refused = isinstance(values, Values) and values.message in refusals
                if isinstance(values, Values) and (refused or values.message == known.reply):
                    answer |= {"answer": told_of(values, item.data), "missing": False, "refused": refused}
    time.sleep(known.pause_s)
    if not as_json:
        typer.echo(told(_answer_line(answer)))
    return answer


def _answer_line(answer: dict[str, Any]) -> Both:
    name = answer["command"]
    if answer["answer"] is None:
        if answer["missing"]:
            return Both(f"{name}: no answer", f"{name}：没有应答")
        return Both(f"{name}: sent; it is not answered", f"{name}：已发送；这个命令没有应答")
    said = answer["answer"]
    values = [f"{name}={cell['value']:g} {cell['unit']}" for row in said["rows"] for name, cell in row.items()]
    values += [f"{name}={value}" for name, value in said["info"].items()]
    text = " ".join([*values, *said["flags"]])
    what = same(text) if text else Both("done", "完成")
    if answer["refused"]:
        what = Both(f"refused: {what}", f"被拒绝：{zh(what)}")
    return Both(f"{name}: {what}", f"{name}：{zh(what)}")
