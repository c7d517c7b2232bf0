"""`lamppost stations show|rename|doctor|identify|config`: care for stations from the office, over the broker."""

from __future__ import annotations

import getpass
import json
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collector.commands.identity import CONFIG, JSON, stations_app
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config
    from collector.delivery.registry import Node

NODE = typer.Argument(..., help="The node's name.")
TIMEOUT = typer.Option(25.0, "--timeout", help="How long to wait for the answer, in seconds.")
TRIAL_S = 130.0

config_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="A station's settings: show, check, apply, history."
)
stations_app.add_typer(config_app, name="config")


@stations_app.command("list")
def list_all(
    stale: bool = typer.Option(False, "--stale", help="Only those whose link is down or whose readings wait."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Every station, enrolled or heard of: its link and since when, what waits there, its names.

    Example:  lamppost stations list --stale
    """
    from collector.cli import load_settings
    from collector.fleet import roster

    settings = load_settings(config)
    with _state(settings) as db:
        stations = roster(db, settings)
    now_ms = _now_ms()
    shown = [station for station in stations if not stale or station.is_stale(now_ms)]
    if as_json:
        typer.echo(json.dumps([station._asdict() for station in shown], ensure_ascii=False))
        return
    for station in shown:
        link = "never heard" if station.online is None else "online" if station.online else "OFFLINE"
        since = _ago(now_ms, station.since_ms) if station.since_ms is not None else ""
        waits = f"oldest {_ago(now_ms, station.oldest_ms)}" if station.oldest_ms is not None else ""
        name = station.zh or station.en
        state = station.state if station.state == "retired" else ""
        typer.echo(f"{station.node:<16} {link:<11} {since:<10} {waits:<18} {state:<8} {name}".rstrip())
    typer.echo(f"{len(shown)} of {len(stations)} stations", err=True)


@stations_app.command("show")
def show(node: str = NODE, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """All that is known here of one station: link, sensors, what waits on it, its installation, its settings.

    Example:  lamppost stations show lp-0017
    """
    from collector.fleet import history, name_of
    from collector.ladder import installations

    settings, known = _node(config, node)
    birth = known.birth
    with _state(settings) as db:
        installed, sent = installations(db, node), history(db, node)
        zh, en = name_of(db, settings, node)
    if as_json:
        told = {
            "node": node, "site": birth.site, "zh": zh, "en": en, "online": known.online, "since_ms": known.since_ms,
            "version": birth.version, "clock": birth.clock, "sensors": [s.__dict__ if hasattr(s, "__dict__") else
            {"name": s.name, "profile": s.profile} for s in birth.sensors], "vitals": birth.vitals,
            "installed": [{"at_ms": at_ms, **record} for at_ms, record in installed],
            "config": [version._asdict() for version in sent],
        }  # fmt: skip
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    typer.echo(f"{node}  {zh} {en}".rstrip())
    typer.echo(f"site      {birth.site}")
    typer.echo(f"link      {'online' if known.online else 'OFFLINE'} since {_time(known.since_ms)}")
    typer.echo(f"agent     {birth.version}, clock {birth.clock}")
    typer.echo(f"waits     {birth.vitals.get('spool_rows', 0):g} readings" + _since(birth.oldest_ms))
    for sensor in birth.sensors:
        typer.echo(f"sensor    {sensor.name:<12} {sensor.profile}")
    for at_ms, record in installed[:1]:
        typer.echo(f"installed {_time(at_ms)} by {record.get('who') or '?'} {record.get('where') or ''}".rstrip())
    for version in sent[:1]:
        typer.echo(f"settings  version {version.version}, {version.outcome}, {_time(version.at_ms)} by {version.who}")


@stations_app.command("rename")
def rename(
    node: str = NODE,
    zh: str = typer.Option("", "--zh", help="Its name in Chinese."),
    en: str = typer.Option("", "--en", help="Its name in English."),
    config: Path = CONFIG,
) -> None:
    """Call a station otherwise. The node's own name, its readings and its history stay as they are.

    Example:  lamppost stations rename lp-0017 --zh 建国路东口 --en "Jianguo Rd East"
    """
    from collector.fleet import note
    from collector.fleet import rename as call

    if not zh and not en:
        raise Failure(Exit.USAGE, "no-name", "a name is wanted", "--zh, --en, or both")
    settings, _ = _node(config, node)
    with _state(settings) as db:
        call(db, node, zh, en)
    note(settings, getpass.getuser(), "renamed", f"{node}: {zh or '-'} / {en or '-'}", _now_ms())
    typer.echo(f"{node} is called {zh or '-'} / {en or '-'}")


@stations_app.command("doctor")
def doctor(
    node: str = NODE,
    only: list[str] = typer.Option([], "--only", help="These checks only."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Show what is wrong only."),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Have a station examine itself, and show its report. Exit code 1 when something fails there.

    Example:  lamppost stations doctor lp-0017
    """
    answer = _ask(config, node, "doctor", {"only": only}, timeout)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    elif answer.get("ok"):
        for result in answer["results"]:
            if quiet and result["state"] not in ("warn", "fail"):
                continue
            word = result["state"].upper() if result["state"] == "fail" else result["state"]
            typer.echo(f" {word:<4}  {result['id']:<20} {result['text']}")
            if result["cure"]:
                typer.echo(f"       -> {result['cure']}")
    _end(answer, lambda: all(result["state"] != "fail" for result in answer["results"]))


@stations_app.command("identify")
def identify(
    node: str = NODE,
    seconds: float = typer.Option(30.0, "--seconds", min=1, max=600),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
) -> None:
    """Make a station blink: which of the boxes is it?

    Example:  lamppost stations identify lp-0017
    """
    answer = _ask(config, node, "identify", {"seconds": seconds}, timeout)
    if answer.get("ok"):
        typer.echo(f"{node} blinks its LED {answer['led']} for {answer['seconds']:g} s")
    _end(answer)


@stations_app.command("frames")
def frames(node: str = NODE, timeout: float = TIMEOUT, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """The newest frame of each of a station's sensors, byte for byte, and the newest damaged one.

    Example:  lamppost stations frames lp-0017
    """
    answer = _ask(config, node, "frames", {}, timeout)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for sensor in answer.get("sensors", []):
            typer.echo(f"{sensor['name']}  {sensor['profile']}  {sensor['frames']} frames")
            if "frame" in sensor:
                told = "  ".join(f"{name} {value:g}" for row in sensor["values"] for name, value in row.items())
                typer.echo(f"  {_time(sensor['at_ms'])}  {sensor['frame']}\n  {told}")
            if "bad" in sensor:
                typer.echo(f"  {_time(sensor['bad_at_ms'])}  bad: {sensor['reason']}  {sensor['bad']}")
    _end(answer)


@config_app.command("show")
def config_show(node: str = NODE, timeout: float = TIMEOUT, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """A station's settings as they are on it now; on stderr, what became of the last that were sent.

    Example:  lamppost stations config show lp-0017 > lp-0017.yaml
    """
    answer = _ask(config, node, "config", {"do": "show"}, timeout)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    elif answer.get("ok"):
        typer.echo(answer["text"], nl=False)
        reason = f": {answer['reason']}" if answer.get("reason") else ""
        typer.echo(f"version {answer['version']}, {answer['state']}{reason}", err=True)
    _end(answer)


@config_app.command("check")
def config_check(
    node: str = NODE,
    file: Path = typer.Argument(..., help="The settings to send."),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
) -> None:
    """Have a station check settings without taking them: it knows its profiles and its files.

    Example:  lamppost stations config check lp-0017 lp-0017.yaml
    """
    answer = _ask(config, node, "config", {"do": "check", "text": file.read_text()}, timeout)
    if answer.get("ok"):
        typer.echo(f"{node} could use {file}")
    _end(answer)


@config_app.command("apply")
def config_apply(
    node: str = NODE,
    file: Path = typer.Argument(..., help="The settings to send."),
    base: str | None = typer.Option(None, "--base", help="Only when the settings there still have this digest."),
    wait: bool = typer.Option(True, "--wait/--no-wait", help="Wait for the outcome of the trial."),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
) -> None:
    """Send settings to a station. It checks them, tries them, and puts its old ones back by itself when readings stop.

    Exit code 3 when they are refused, 1 when they are put back.

    Example:  lamppost stations config apply lp-0017 lp-0017.yaml
    """
    from collector.fleet import begin_version, end_version, note

    settings, _ = _node(config, node)
    text = file.read_text()
    with _state(settings) as db:
        version = begin_version(db, node, text, getpass.getuser(), _now_ms())
    answer = _ask(config, node, "config", {"do": "apply", "text": text, "version": version, "base": base}, timeout)
    outcome = "on trial" if answer.get("ok") else "refused"
    if answer.get("ok"):
        typer.echo(f"{node}: version {version} is on trial, up to two minutes ...", err=True)
        if wait:
            outcome = _outcome(config, node, version)
            typer.echo(f"{node}: version {version} {outcome}")
    with _state(settings) as db:
        end_version(db, node, version, outcome)
    note(settings, getpass.getuser(), "settings sent", f"{node} version {version}: {outcome}", _now_ms())
    if outcome == "refused":
        raise Failure(Exit.CONFIGURATION, "config-refused", f"{node} refuses: {answer.get('error')}", "nothing changed")
    raise typer.Exit(Exit.NOT_HEALTHY if outcome.startswith("rolled back") else Exit.FINE)


@config_app.command("history")
def config_history(node: str = NODE, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Every version that was sent to a station: when, by whom, and what became of it.

    Example:  lamppost stations config history lp-0017
    """
    from collector.fleet import history

    settings, _ = _node(config, node)
    with _state(settings) as db:
        for version in history(db, node):
            if as_json:
                typer.echo(json.dumps(version._asdict(), ensure_ascii=False))
            else:
                typer.echo(f"{version.version:>4}  {_time(version.at_ms)}  {version.who:<12} {version.outcome}")


def _outcome(config: Path, node: str, version: int) -> str:
    """Ask until the trial is over. The agent begins anew meanwhile: silence is no answer."""
    until_s = time.monotonic() + TRIAL_S
    while time.monotonic() < until_s:
        time.sleep(2.0)
        try:
            said = _ask(config, node, "config", {"do": "show"}, 5.0)
        except Failure as failure:
            if failure.word != "no-answer":
                raise
            continue
        if said.get("version") == version and said.get("state") in ("kept", "rolled back"):
            return f"{said['state']}{': ' + said['reason'] if said.get('reason') else ''}"
    raise Failure(Exit.TIMED_OUT, "no-outcome", f"{node} has not said how the trial ended", "stations config show")


def _ask(config: Path, node: str, verb: str, arguments: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    from collector.asking import ask
    from collector.cli import load_settings

    return ask(load_settings(config), node, verb, arguments, timeout_s)


def _end(answer: dict[str, Any], healthy: Any = lambda: True) -> None:
    if not answer.get("ok"):
        raise Failure(Exit.CONFIGURATION, "refused", str(answer.get("error", "refused without a reason")))
    raise typer.Exit(Exit.FINE if healthy() else Exit.NOT_HEALTHY)


def _node(config: Path, node: str) -> tuple[Config, Node]:
    from collector.cli import load_settings
    from collector.delivery.registry import Registry

    settings = load_settings(config)
    with _state(settings) as db:
        known = Registry(db).get(node)
    if known is None:
        raise Failure(Exit.USAGE, "node-unknown", f"no node is called {node}", "lamppost stations list")
    return settings, known


def _state(settings: Config) -> sqlite3.Connection:
    from collector.statedb import StateUnusable, open_state

    try:
        return open_state(settings.state_file)
    except StateUnusable as error:
        raise Failure(Exit.NOT_PERMITTED, "state-unusable", str(error)) from error


def _since(oldest_ms: int | None) -> str:
    return f", the oldest of {_time(oldest_ms)}" if oldest_ms is not None else ""


def _ago(now_ms: int, then_ms: int) -> str:
    """A length of time in its largest unit: 3 d, 5 min."""
    seconds = max(0, now_ms - then_ms) // 1000
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


__all__ = ["stations_app"]
