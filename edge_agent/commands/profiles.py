"""`lamppost profiles`: list the sensor models, show one, check a file of one's own, decode bytes by hand."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from edge_agent.commands.options import model, models, say, with_options
from wire.exits import Exit, Failure

if TYPE_CHECKING:  # pydantic and YAML cost a second on a small device: imported when a command needs them
    from device_profiles.profile import Profile
    from edge_agent.sensors.decoding import Decoded
    from edge_agent.sensors.frame import BadFrame, Frame

app = typer.Typer(
    no_args_is_help=True, help="Sensor models: list, show, check, decode. 传感器型号：列表、查看、检查、解码。"
)
Folder = Annotated[
    Path | None, typer.Option("--profiles", "--folder", help="A folder of your own profiles. 自定义配置文件夹。")
]
Json = Annotated[bool, typer.Option("--json", help="For programs. 供程序读取。")]
NARROW = 100  # columns: below, a model takes two lines


@app.command("list")
def list_models(folder: Folder = None, as_json: Json = False) -> None:
    """Every model with its line and how well it is proved. 列出所有型号。

    Example:  lamppost profiles list | grep -i radar
    """
    profiles = list(models(folder))
    if as_json:
        _print_json([_summary(profile) for profile in profiles])
        return
    width = max(len(profile.ref) for profile in profiles)
    narrow = sys.stdout.isatty() and shutil.get_terminal_size().columns < NARROW
    for profile in profiles:
        state = "experimental" if profile.experimental else profile.evidence
        if narrow:
            print(
                f"{profile.ref:{width}}  {profile.serial.told:12}  {state}\n    {profile.title.en} · {profile.title.zh}"
            )
        else:
            title = f"{profile.title.en} · {profile.title.zh}"
            print(f"{profile.ref:{width}}  {profile.serial.told:12}  {state:12}  {title}")


@app.command()
def show(name: str, folder: Folder = None, as_json: Json = False) -> None:
    """All that is known of one model: wiring, line, values, commands, faults. 查看一个型号。

    Example:  lamppost profiles show plantower-pms5003
    """
    from device_profiles.pages import page

    profile = model(name, folder)
    if as_json:
        _print_json(profile.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    else:
        print(page(profile))


@app.command()
def schema() -> None:
    """The JSON schema of a profile, for editors. 配置文件的 JSON 模式。

    Example:  lamppost profiles schema > profile.schema.json
    """
    from device_profiles.profile import Profile

    _print_json(Profile.model_json_schema(by_alias=True))


@app.command()
def check(file: Path, as_json: Json = False) -> None:
    """Check a profile of your own: its words, its names, and every example in it. 检查自己的配置文件。

    Example:  lamppost profiles check my-sensor.yaml
    """
    from common.strict_yaml import NotUsable, read
    from device_profiles import catalogue
    from edge_agent.sensors.examples import wrong

    try:
        profile, document = catalogue.read(file), read(file)
        found = ((number, wrong(profile, example)) for number, example in enumerate(profile.examples))
        if problems := [document.problem(("examples", number), text) for number, text in found if text]:
            raise NotUsable(problems)
    except NotUsable as error:
        _fail(str(error), Exit.CONFIGURATION)
    except OSError as error:
        _fail(f"{file}: {error.strerror}", Exit.CONFIGURATION)
    text = (
        f"{profile.ref}: {len(profile.messages)} messages, {len(profile.commands)} commands, "
        f"{len(profile.examples)} examples decode as they say"
    )
    say(text, as_json, profile=profile.ref, examples=len(profile.examples))


@app.command()
def decode(
    name: str,
    hex_text: Annotated[str | None, typer.Option("--hex", help="Bytes in hex. 十六进制字节。")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A file of raw bytes; - reads stdin. 原始字节文件。")
    ] = None,
    option: Annotated[list[str] | None, typer.Option("--option", help="name=value of the unit. 设备选项。")] = None,
    asked: Annotated[
        str | None, typer.Option("--asked", help="The command it answers (Modbus). 所应答的命令。")
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Frames in a stream of bytes: values with units, or why they are none. 解码字节流。

    Examples:  lamppost profiles decode nova-sds011 --hex "aa c0 4b 00 51 00 a1 60 9d ab"
               lamppost capture show street.cap
    """
    from common.strict_model import word
    from edge_agent.sensors.framing import Framer

    profile = with_options(model(name, folder), option or [])
    if asked is not None and asked not in profile.commands:
        raise Failure(Exit.USAGE, "command-unknown", f"command {word(asked, profile.commands)}")
    framer = Framer(profile)
    items = framer.feed(_bytes(hex_text, file)) + framer.flush()
    frames = [told(profile, item, asked) for item in items]
    if as_json:
        _print_json(frames)
    else:
        for frame in frames:
            _print_frame(frame)
    if not frames or any("bad" in frame for frame in frames):
        raise typer.Exit(1)


def told(profile: Profile, item: Frame | BadFrame, asked: str | None = None) -> dict[str, Any]:
    """A frame as commands print it: its values with units, or its damage."""
    from edge_agent.sensors.decoding import decode as decode_frame
    from edge_agent.sensors.framing import Frame

    return told_of(decode_frame(profile, item, asked) if isinstance(item, Frame) else item, item.data)


def told_of(result: Decoded, data: bytes) -> dict[str, Any]:
    """What was decoded, as commands print it."""
    from edge_agent.sensors.framing import BadFrame

    if isinstance(result, BadFrame):
        return {"bad": result.reason, "hex": data.hex()}
    rows = [{key: {"value": value, "unit": _unit(key)} for key, value in row.items()} for row in result.rows]
    found: dict[str, Any] = {"message": result.message, "measurement": result.measurement, "fit": result.fit}
    return found | {"flags": list(result.flags), "rows": rows, "info": result.info, "hex": data.hex()}


def _unit(name: str) -> str:
    from wire.quantities import QUANTITIES

    return QUANTITIES[name].unit


def _print_frame(frame: dict[str, Any]) -> None:
    if "bad" in frame:
        print(f"bad frame  {frame['bad']}  {frame['hex']}")
        return
    print(f"{frame['message']}  {' '.join(frame['flags'])}".rstrip())
    for number, row in enumerate(frame["rows"]):
        for key, told in row.items():
            target = f"[{number}] " if len(frame["rows"]) > 1 else ""
            print(f"  {target}{key:24} {told['value']:>12} {told['unit']}")
    for key, value in frame["info"].items():
        print(f"  {key:24} {value!s:>12}")


def _bytes(hex_text: str | None, file: Path | None) -> bytes:
    if (hex_text is None) == (file is None):
        _fail("give either --hex or --file", Exit.USAGE)
    if file is not None:
        try:
            return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        except OSError as error:
            _fail(f"{file}: {error.strerror}", Exit.CONFIGURATION)
    try:
        return bytes.fromhex(hex_text or "")
    except ValueError:
        _fail("--hex wants pairs of hex digits, such as 'AA C0 4B 00'", Exit.USAGE)


def _summary(profile: Profile) -> dict[str, Any]:
    return {
        "profile": profile.ref,
        "maker": profile.maker,
        "models": profile.models,
        "title": profile.title.model_dump(),
        "kind": profile.kind,
        "line": profile.serial.told,
        "evidence": profile.evidence,
        "experimental": profile.experimental is not None,
    }


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _fail(text: str, code: Exit) -> NoReturn:
    raise Failure(code, "not-usable" if code is Exit.CONFIGURATION else "bad-argument", text)
