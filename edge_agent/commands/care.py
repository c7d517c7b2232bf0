"""`lamppost agent doctor`, `fix`, `identify`, `support-bundle`: is it well, and if not, what to do."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import typer

from common.language import told
from edge_agent.commands.options import CONFIG, JSON
from wire.both import Both, one_of
from wire.exits import WITH_SUDO, Exit, Failure, of_file


def doctor(
    only: list[str] = typer.Option([], "--only", help="These checks only: an id or its beginning, such as broker."),
    leave_out: list[str] = typer.Option([], "--skip", help="Not these."),
    show: bool = typer.Option(False, "--list", help="List the checks and end."),
    strict: bool = typer.Option(False, "--strict", help="A warning too is exit code 1."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Show what is wrong only."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Look at everything that can be wrong here, each with its cure. Takes under 10 s and needs no network.

    Exit code 1 when something fails.

    Examples:  lamppost agent doctor
               lamppost agent doctor --only broker --only clock
               lamppost agent doctor --json
    """
    from edge_agent.doctor.result import State, Station
    from edge_agent.doctor.run import CHECKS, chosen, examine
    from edge_agent.doctor.screen import screen

    if show:
        for check in CHECKS:
            typer.echo(f"{check.id:<18} {told(check.asks)}")
        return
    results, took_s = examine(Station(config), chosen(only, leave_out), only)
    if as_json:
        report = {"schema": "lamppost.doctor/1", "took_s": round(took_s, 2), "results": [r.as_json() for r in results]}
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        typer.echo(told(screen(results, took_s, colours=_colours(), everything=not quiet)))
    bad = {State.FAIL, State.WARN} if strict else {State.FAIL}
    raise typer.Exit(Exit.NOT_HEALTHY if any(result.state in bad for result in results) else Exit.FINE)


def fix(
    what: str = typer.Argument(..., metavar="serial-console|udev|journal|led", help="The cure that doctor named."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the change and end."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    root: Path = typer.Option(Path("/"), "--root", hidden=True),
) -> None:
    """Do one of the cures. Shows every change before it is made.

    Example:  sudo lamppost agent fix serial-console
    """
    from edge_agent.doctor.fixes import FIXES

    if what not in FIXES:
        text = Both(f"no cure is called {what}", f"没有名为 {what} 的处理办法")
        raise Failure(Exit.USAGE, "fix-unknown", text, one_of(FIXES))
    cure = FIXES[what](root)
    if not cure.needed and not cure.commands:
        typer.echo(told(Both("nothing to do: it is as it should be", "不用处理：一切正常")))
        return
    typer.echo(told(cure.shown()))
    if dry_run:
        return
    if not yes and not (sys.stdin.isatty() and typer.confirm(told(Both("Do this?", "这样做吗？")), default=True)):
        text, say_yes = Both("nothing was changed", "什么都没有改"), Both("say yes, or use --yes", "回答 y，或加 --yes")
        raise Failure(Exit.USAGE, "not-confirmed", text, say_yes)
    cure.apply()
    done = Both("done; now: sudo reboot", "完成，现在执行：sudo reboot") if cure.reboot else Both("done", "完成")
    typer.echo(told(done))


def identify(
    seconds: float = typer.Option(30.0, "--seconds", min=1, max=600, help="How long."),
    config: Path = CONFIG,
    root: Path = typer.Option(Path("/"), "--root", hidden=True),
) -> None:
    """Blink this board's LED, to find the box. The LED that the settings name, else the activity LED.

    Example:  sudo lamppost agent identify --seconds 60
    """
    from edge_agent.device.identify import blink, find_led, named_in

    wanted = named_in(config)
    led = find_led(root, wanted)
    if led is None:
        text = Both("this board has no LED that can be set", "这块板子没有可以控制的灯")
        if wanted:
            text = Both(f"there is no LED {wanted}", f"没有名为 {wanted} 的灯")
        raise Failure(Exit.DEVICE_OR_PORT, "no-led", text, "ls /sys/class/leds")
    blinks = Both(f"{led.name} blinks for {seconds:g} s; Ctrl-C ends it", f"{led.name} 闪 {seconds:g} 秒，Ctrl-C 结束")
    typer.echo(told(blinks), err=True)
    try:
        blink(led, seconds)
    except PermissionError as error:
        raise Failure(Exit.NOT_PERMITTED, "led-not-permitted", of_file(led, error), WITH_SUDO) from error


def support_bundle(
    out: Path | None = typer.Option(None, "--out", "-o", help="The file to write."),
    config: Path = CONFIG,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Pack what the office needs to help, without passwords and keys. Says what it packs before it does.

    Example:  lamppost agent support-bundle -o help.tar.gz
    """
    from edge_agent.doctor.support_bundle import parts, write

    bundle = out or Path(time.strftime("lamppost-support-%Y%m%d-%H%M%S.tar.gz", time.gmtime()))
    content = list(parts(config))
    for part in content:
        typer.echo(f"{part.name:<12} {len(part.text):>7}  {told(part.what)}")
    question = Both(f"Write {bundle}?", f"写入 {bundle} 吗？")
    if not yes and sys.stdin.isatty() and not typer.confirm(told(question), default=True):
        raise typer.Exit(Exit.USAGE)
    try:
        write(bundle, content)
    except OSError as error:
        cure = Both("another -o FILE", "换一个 -o FILE")
        raise Failure(Exit.NOT_PERMITTED, "bundle-not-written", of_file(bundle, error), cure) from error
    size = bundle.stat().st_size
    typer.echo(
        told(Both(f"{bundle}: {size} bytes. Send it to the office.", f"{bundle}：{size} 字节。请发给管理中心。"))
    )


def update(
    deb: Path = typer.Argument(..., help="The new package."),
    before: Path | None = typer.Option(None, "--before", help="The installed version's package, the first time."),
) -> None:
    """Install a new version, and go back by itself where it does not do as well. That is when the agent is not ready
    again within 2 minutes (or not running, if it only ran before), also when your connection is lost meanwhile.

    Exit code 1 when it went back.

    Example:  sudo lamppost agent update ./lamppost_0.2.0_arm64.deb
    """
    import signal

    from edge_agent.device.update import update as install

    def say(text: str) -> None:
        with suppress(OSError):  # nobody is there any more
            typer.echo(told(text))

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if not deb.exists():
        raise Failure(Exit.USAGE, "no-package", Both(f"{deb} does not exist", f"没有文件 {deb}"))
    raise typer.Exit(Exit.FINE if install(deb, before, say) else Exit.NOT_HEALTHY)


def _colours() -> bool:
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
