"""`lamppost agent doctor`, `fix`, `identify`, `support-bundle`: is it well, and if not, what to do."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import typer

from edge_agent.commands.options import CONFIG, JSON
from wire.exits import Exit, Failure


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
            typer.echo(f"{check.id:<18} {check.asks}")
        return
    results, took_s = examine(Station(config), chosen(only, leave_out), only)
    if as_json:
        report = {"schema": "lamppost.doctor/1", "took_s": round(took_s, 2), "results": [r.as_json() for r in results]}
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        typer.echo(screen(results, took_s, colours=_colours(), everything=not quiet))
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
        raise Failure(Exit.USAGE, "fix-unknown", f"no cure is called {what}", "one of " + ", ".join(FIXES))
    cure = FIXES[what](root)
    if not cure.needed and not cure.commands:
        typer.echo("nothing to do: it is as it should be")
        return
    typer.echo(cure.shown())
    if dry_run:
        return
    if not yes and not (sys.stdin.isatty() and typer.confirm("Do this?", default=True)):
        raise Failure(Exit.USAGE, "not-confirmed", "nothing was changed", "say yes, or use --yes")
    cure.apply()
    typer.echo("done" + ("; now: sudo reboot" if cure.reboot else ""))


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
        text = f"there is no LED {wanted}" if wanted else "this board has no LED that can be set"
        raise Failure(Exit.DEVICE_OR_PORT, "no-led", text, "ls /sys/class/leds")
    typer.echo(f"{led.name} blinks for {seconds:g} s; Ctrl-C ends it", err=True)
    try:
        blink(led, seconds)
    except PermissionError as error:
        raise Failure(
            Exit.NOT_PERMITTED, "led-not-permitted", f"{led}: {error.strerror}", "the same with sudo"
        ) from error


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
        typer.echo(f"{part.name:<12} {len(part.text):>7}  {part.what}")
    if not yes and sys.stdin.isatty() and not typer.confirm(f"Write {bundle}?", default=True):
        raise typer.Exit(Exit.USAGE)
    try:
        write(bundle, content)
    except OSError as error:
        raise Failure(
            Exit.NOT_PERMITTED, "bundle-not-written", f"{bundle}: {error.strerror}", "another -o FILE"
        ) from error
    typer.echo(f"{bundle}: {bundle.stat().st_size} bytes. Send it to the office.")


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
            typer.echo(text)

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if not deb.exists():
        raise Failure(Exit.USAGE, "no-package", f"{deb} does not exist")
    raise typer.Exit(Exit.FINE if install(deb, before, say) else Exit.NOT_HEALTHY)


def _colours() -> bool:
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
