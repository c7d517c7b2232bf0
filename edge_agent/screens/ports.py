"""What `ports` and `probe` show, at 60 columns: one port in two lines, the cure beneath. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_agent.lines.not_opened import BUSY, known
from edge_agent.screens.words import reading
from wire.both import Both, joined, same, zh
from wire.cells import wrapped

if TYPE_CHECKING:
    from device_profiles.profile import Profile
    from edge_agent.lines.port_probe import Finding
    from edge_agent.lines.ports import PortInfo
    from edge_agent.sensors.probing import Verdict

WIDTH = 60


def ports_screen(found: list[PortInfo]) -> Both:
    """All ports, and what to know before one is written into the settings."""
    if not found:
        return Both(
            "No serial port here. Plug in the adapter; then once more.", "这里没有串口。请插上适配器，再试一次。"
        )
    lines = []
    for port in found:
        parts = [joined("", ["  ", port.what]), port.state]
        if port.path != port.device:
            now = port.device.removeprefix("/dev/")
            parts.append(Both(f"now {now}", f"现为 {now}"))
        lines += [same(port.path), joined(" · ", parts)]
    for port in found:
        lines += _notes(port)
    return joined("\n", lines)


def _notes(port: PortInfo) -> list[Both]:
    """What to know of a port, each with its cure on a line of its own, ready to be copied."""
    notes, what = [], port.what
    if port.kind == "by-path":
        socket = Both(
            f"{what}: its name is the socket's. Keep it in this USB hole.",
            f"{zh(what)}：名称取自插口，请一直插在这个 USB 口上。",
        )
        notes.append(_wrapped(socket))
    if port.kind == "by-id" and not port.serial_unique:
        alike = Both(f"{what}: cannot be told from another one of its kind.", f"{zh(what)}：与同类适配器无法区分。")
        notes.append(_wrapped(alike))
    if port.console or port.bluetooth:
        owner = (
            Both("is the login console", "是登录终端") if port.console else Both("belongs to Bluetooth", "被蓝牙占用")
        )
        free = "sudo lamppost agent fix serial-console"
        notes.append(Both(f"! {port.device} {owner}\n  -> {free}", f"! {port.device} {zh(owner)}\n  -> {free}"))
    if not port.permitted:
        shut = Both(
            f"! {port.device} may not be opened by you\n  -> sudo adduser $USER dialout   (then log in again)",
            f"! 您无权打开 {port.device}\n  -> sudo adduser $USER dialout   （然后重新登录）",
        )
        notes.append(shut)
    return notes


def finding_lines(finding: Finding, model: Callable[[str], Profile]) -> list[Both]:
    """One port: what was heard at which speed, what it is, how sure that is, a reading."""
    if finding.outcome is None:
        lines = _not_read(known(finding.error or ""))
    elif not finding.outcome.verdicts:
        lines = _not_known(sum(finding.outcome.heard.values()))
    else:
        best = finding.sensor or finding.outcome.verdicts[0]
        lines = [_heard(finding, best), *_unsure(finding, best), *_profile_lines(finding, best, model(best.profile))]
    return [same(finding.path), *lines]


def _not_read(why: Both) -> list[Both]:
    stop = Both(
        "  if it is the agent: sudo systemctl stop lamppost-agent",
        "  如果是采集程序：sudo systemctl stop lamppost-agent",
    )
    return [Both(f"  cannot be read: {why}", f"  读不了：{zh(why)}"), *([stop] if why == BUSY else [])]


def _not_known(heard_bytes: int) -> list[Both]:
    if not heard_bytes:
        return [
            Both("  nothing heard, nobody answers", "  没有数据，询问也不应答"),
            Both("  check power, TX/RX crossed; on RS-485 A and B", "  检查供电；TX/RX 要交叉，RS-485 的 A/B 不要接反"),
        ]
    return [
        Both(f"  {heard_bytes} bytes that no known model sends", f"  收到 {heard_bytes} 字节，不是已知型号的数据"),
        Both("  check ground and speed; see lamppost profiles", "  检查接地和波特率；型号见 lamppost profiles"),
    ]


def _unsure(finding: Finding, best: Verdict) -> list[Both]:
    """What else it may be; nothing when it is sure."""
    assert finding.outcome is not None
    if finding.sensor is not None:
        return []
    others = [verdict.profile for verdict in finding.outcome.verdicts if verdict.profile != best.profile]
    unsure = Both("not sure, too few frames", "不能确定：帧太少")
    if others:
        unsure = Both(f"not sure: it may also be {', '.join(others)}", f"不能确定，也可能是 {'、'.join(others)}")
    return [_wrapped(unsure, "  ")]


def _profile_lines(finding: Finding, best: Verdict, profile: Profile) -> list[Both]:
    """What its settings want, what it reads, and how to look for others on its wires."""
    lines: list[Both] = []
    if options := finding.options(profile):
        wanted = f"options: {{{', '.join(f'{name}: {value}' for name, value in options.items())}}}"
        lines.append(Both(f"  its settings want {wanted}", f"  配置中要写 {wanted}"))
    shown = reading(best.values)
    wait_s = profile.warm_up_s
    if shown:
        warm = Both(f"(true after {wait_s:g} s warm-up)", f"（预热 {wait_s:g} 秒后才准）")
        lines.append(joined("  ", ["", shown, *([warm] if wait_s else [])]))
    elif finding.sensor is not None:
        lines.append(Both("  it will measure when the agent runs", "  采集程序运行后才开始测量"))
    if finding.address is None and "address" in profile.options and "RS-485" in profile.wiring.en:
        lines.append(
            Both("  others on its wires? probe PORT --addresses 1-16", "  总线上还有别的？probe PORT --addresses 1-16")
        )
    return lines


def _heard(finding: Finding, best: Verdict) -> Both:
    """What it is, at which address and speed, and how soundly it speaks."""
    assert finding.outcome is not None
    assert finding.outcome.serial is not None
    baud, sound, address = finding.outcome.serial.baud, best.sound, finding.address
    bad = best.damaged * 100 // (best.sound + best.damaged)
    share = Both(f"{bad} % bad", f"坏帧 {bad}%") if best.damaged else Both("none bad", "没有坏帧")
    at = Both("", "") if address is None else Both(f"at address {address}, ", f"地址 {address}，")
    return Both(
        f"  {best.profile}  {at}{baud} baud, {sound} frames, {share}",
        f"  {best.profile}  {zh(at)}波特率 {baud}，{sound} 帧，{zh(share)}",
    )


def _wrapped(text: Both, first: str = "! ") -> Both:
    en, chinese = ("\n  ".join(wrapped(one, WIDTH - 2)) for one in (str(text), zh(text)))
    return Both(first + en, first + chinese)
