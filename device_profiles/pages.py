"""A page for each sensor, made from its profile: `python -m device_profiles.pages OUTDIR`.

Chinese and English side by side: wiring, line, values, drawing of the frame, flags, commands, options, known faults.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from device_profiles import catalogue
from device_profiles.frames import BytesShape, LineShape, ModbusShape
from device_profiles.messages import Message, Text
from device_profiles.profile import Profile
from measures.completeness import GB_HOUR
from wire.quantities import QUANTITIES

MADE = "<!-- Made from the profile by `python -m device_profiles.pages`; change the profile, not this page. -->"


def page(profile: Profile) -> str:
    """The Markdown page of one sensor."""
    parts = [f"# {profile.title.en} · {profile.title.zh}", _summary(profile)]
    if profile.experimental is not None:
        parts.append(f"> **Experimental · 实验性** {_both(profile.experimental)}")
    parts += [f"## Wiring · 接线\n\n{_both(profile.wiring)}", _line(profile), _modes(profile), _values(profile)]
    parts += [_frame(profile, message) for message in profile.messages if _drawable(profile, message)]
    parts += [_flags(profile), _commands(profile), _options(profile)]
    parts.append("## Known faults · 已知问题\n\n" + "\n".join(f"- {_both(fault)}" for fault in profile.faults))
    parts.append(_examples(profile))
    parts.append("## Sources · 资料\n\n" + "\n".join(f"- {source}" for source in profile.sources))
    return "\n\n".join(part for part in parts if part) + "\n"


def index(profiles: list[Profile]) -> str:
    """The list of all pages."""
    rows = [
        f"| [{profile.title.en}]({profile.name}.md) | {profile.title.zh} | `{profile.ref}` | {profile.serial.told} "
        f"| {'experimental' if profile.experimental else profile.evidence} |"
        for profile in profiles
    ]
    head = "| sensor | 传感器 | profile | line | evidence |\n|---|---|---|---|---|"
    return "\n".join([MADE, "", "# Sensors · 传感器", "", head, *rows, ""])


def write(folder: Path) -> int:
    """Write every page and the index; returns how many sensors."""
    folder.mkdir(parents=True, exist_ok=True)
    profiles = list(catalogue.load())
    for profile in profiles:
        (folder / f"{profile.name}.md").write_text(f"{MADE}\n\n{page(profile)}", encoding="utf-8")
    (folder / "README.md").write_text(index(profiles), encoding="utf-8")
    return len(profiles)


def _both(text: Text) -> str:
    return f"{text.en} {text.zh}"


def _summary(profile: Profile) -> str:
    return f"`{profile.ref}` · {profile.maker} · {', '.join(profile.models)} · evidence {profile.evidence}"


def _line(profile: Profile) -> str:
    facts = [
        f"- serial 串口: **{profile.serial.told}**",
        "- a unit that is set otherwise 若设备另有设置: `options: {baud: 4800, parity: even}`",
        f"- silence is a fault after 静默判故障: {profile.silence_s:g} s",
    ]
    if profile.probe.bauds:
        bauds = ", ".join(map(str, profile.probe.bauds))
        facts.insert(1, f"- units also come with 有的出厂波特率为: {bauds} (`lamppost agent probe`)")
    if profile.warm_up_s:
        facts.append(f"- warm-up 预热: {profile.warm_up_s:g} s")
    if profile.stale_s:
        facts.append(f"- the same value is stale after 数值过久不变: {profile.stale_s:g} s")
    return "## Line · 串口\n\n" + "\n".join(facts)


def _modes(profile: Profile) -> str:
    rows = []
    for name, mode in profile.modes.items():
        start = ", ".join(f"`{step.command}`" for step in mode.start) or "nothing"
        asks = ", ".join(f"`{step.command}`" for step in mode.ask)
        does = f"asks {asks} every {mode.period_s:g} s" if asks else "listens"
        if mode.duty is not None:
            does += f"; {mode.duty.awake_s:g} s awake, {mode.duty.asleep_s:g} s asleep"
            asked = GB_HOUR.required
            if mode.minutes_an_hour(profile.warm_up_s) < asked:
                does += f"; no index: that takes {asked} minutes of each hour 每小时不足 {asked} 分钟，无指数"
        rows.append(f"| `{name}`{' (default)' if name == profile.mode else ''} | {start} | {does} |")
    return "## Modes · 模式\n\n| mode | at start | then |\n|---|---|---|\n" + "\n".join(rows)


def _values(profile: Profile) -> str:
    seen: dict[str, str] = {}
    for message in profile.messages:
        for field in message.fields:
            if field.quantity is None or field.quantity in seen:
                continue
            quantity = QUANTITIES[field.quantity]
            limits = "" if field.max is None else f"{field.min or 0:g} to {field.max:g}"
            note = " ".join(part for part in (field.accuracy, _both(field.note) if field.note else None) if part)
            seen[field.quantity] = (
                f"| `{field.quantity}` | {quantity.unit} | {quantity.en} · {quantity.zh} | {limits} | {note} |"
            )
    if not seen:
        return ""
    head = "## Values · 测量值\n\n| quantity | unit | meaning | range | accuracy, remarks |\n|---|---|---|---|---|\n"
    return head + "\n".join(seen.values())


def _drawable(profile: Profile, message: Message) -> bool:
    return not isinstance(profile.frames[0], LineShape) and message.role == "measurement" and bool(message.fields)


def _frame(profile: Profile, message: Message) -> str:
    """The frame part by part, with the bytes of an example beside what they are."""
    example = next((e for e in profile.examples if e.message == message.name and _whole(message, e.data)), None)
    marks = _marks(profile, message, example.data if example else None)
    if not marks:
        return ""
    lines = ["byte  example      is"]
    for at, (size, what) in sorted(marks.items()):
        part = example.data[at : at + size].hex(" ").upper() if example else ""
        lines.append(f"{at:4}  {part if len(part) <= 12 else part[:9] + '..':<12} {what}".rstrip())
    return f"## Frame `{message.name}` · 帧\n\n```\n" + "\n".join(lines) + "\n```"


def _whole(message: Message, data: bytes) -> bool:
    if message.length not in (None, len(data)) or b"\x7d" in data:  # a stuffed frame has other offsets
        return False
    return all(-len(data) <= part.at < len(data) and data[part.at] in part.values for part in message.when)


def _marks(profile: Profile, message: Message, data: bytes | None) -> dict[int, tuple[int, str]]:
    """Offset to size and meaning: fields first, then what frames them where no field stands."""
    size = len(data) if data is not None else message.length
    marks: dict[int, tuple[int, str]] = {}
    for field in message.fields:
        at = field.at if field.at is None or field.at >= 0 or size is None else size + field.at
        if at is not None:
            scale = f" × {field.scale:g}" if field.scale != 1 else ""
            scale += f" {field.offset:+g}" if field.offset else ""
            told = f"{field.label} ({field.type}{scale})"
            known = marks.get(at)
            marks[at] = (
                field.bytes,
                told if known is None else f"{known[1]}, {told}" if len(known[1]) < 60 else known[1],
            )
    shape = profile.frames[0]
    if isinstance(shape, BytesShape):
        marks.setdefault(0, (len(shape.header.split()), "header"))
        if shape.length_field is not None:
            marks.setdefault(shape.length_field.at, (1 if shape.length_field.type == "u8" else 2, "length"))
        tail = len(shape.tail.split()) if shape.tail else 0
        if size is not None and tail:
            marks.setdefault(size - tail, (tail, "tail"))
        if size is not None and shape.check is not None:
            marks.setdefault(size + shape.check.position, (shape.check.size, f"checksum {shape.check.kind}"))
    elif isinstance(shape, ModbusShape):
        marks |= {0: (1, "address"), 1: (1, "function"), 2: (1, "bytes that follow")}
        if size is not None:
            marks.setdefault(size - 2, (2, "checksum crc16_modbus"))
    return marks


def _flags(profile: Profile) -> str:
    names = {flag.name: flag.unfit for message in profile.messages for flag in message.flags}
    rows = [
        f"- `{name}`{': not published as a measurement 不作为测量发布' if unfit else ''}"
        for name, unfit in names.items()
    ]
    return "## Flags · 标记\n\n" + "\n".join(rows) if rows else ""


def _commands(profile: Profile) -> str:
    rows = []
    for name, command in profile.commands.items():
        sent = (command.send if command.send is not None else repr(command.text)[1:-1]).replace("|", "\\|")
        person = "only when a person asks 仅限人工" if command.person else ""
        note = _both(command.note) if command.note else ""
        rows.append(f"| `{name}` | `{sent}` | {person} {note} |")
    return "## Commands · 命令\n\n| command | bytes | |\n|---|---|---|\n" + "\n".join(rows) if rows else ""


def _options(profile: Profile) -> str:
    rows = [
        f"- `{name}` = `{option.default}`: {_both(option.note)}"
        + (f" ({', '.join(map(str, option.choices))})" if option.choices else "")
        for name, option in profile.options.items()
    ]
    return "## Options · 选项\n\n" + "\n".join(rows) if rows else ""


def _examples(profile: Profile) -> str:
    parts = ["## Examples · 示例"]
    for example in profile.examples:
        said = "; ".join(", ".join(f"{key} {value:g}" for key, value in row.items()) for row in example.rows)
        text = example.data.rstrip()
        shown = text.decode() if text and text.isascii() and text.decode().isprintable() else example.hex
        facts = " ".join(part for part in (said, f"[{', '.join(example.flags)}]" if example.flags else "") if part)
        parts.append(f"```\n{shown}\n```\n\n`{example.message}` {facts} ({example.source})")
    return "\n\n".join(parts)


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    print(f"{write(words.parse_args().folder)} pages")
