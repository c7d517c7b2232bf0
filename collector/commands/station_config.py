"""`lamppost stations config`: a station's settings from the office; it checks them, tries them, puts them back."""

from __future__ import annotations

import difflib
import time
from pathlib import Path

import typer

from collector.clock import wall_ms
from collector.commands.node import NODE, TIMEOUT, as_agents_say, ask_node, end_with, node_of, state_of
from collector.commands.options import CONFIG, JSON, say, show_json, this_person
from collector.commands.times import clock_of
from wire.exits import Exit, Failure

TRIAL_S = 130.0
WAIT = typer.Option(True, "--wait/--no-wait", help="Wait for the outcome of the trial.")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="A station's settings: show, set, check, apply, history."
)


@app.command("show")
def config_show(node: str = NODE, timeout: float = TIMEOUT, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """A station's settings as they are on it now. On stderr, what became of the last that were sent.

    Example:  lamppost stations config show lp-0017 > lp-0017.yaml
    """
    answer = ask_node(config, node, "config", {"do": "show"}, timeout)
    if as_json:
        show_json(answer)
    elif answer.get("ok"):
        with as_agents_say(node):
            typer.echo(str(answer["text"]), nl=False)
            reason = f": {answer['reason']}" if answer.get("reason") else ""
            typer.echo(f"version {answer['version']}, {answer['state']}{reason}", err=True)
    end_with(answer)


@app.command("check")
def config_check(
    node: str = NODE,
    file: Path = typer.Argument(..., help="The settings to send."),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Have a station check settings without taking them. It knows its profiles and its files.

    Example:  lamppost stations config check lp-0017 lp-0017.yaml
    """
    answer = ask_node(config, node, "config", {"do": "check", "text": _text(file)}, timeout)
    if answer.get("ok"):
        say(f"{node} could use {file}", as_json, node=node, file=str(file))
    end_with(answer)


@app.command("apply")
def config_apply(
    node: str = NODE,
    file: Path = typer.Argument(..., help="The settings to send."),
    base: str | None = typer.Option(None, "--base", help="Only when the settings there still have this digest."),
    wait: bool = WAIT,
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Send settings to a station. It checks them, tries them, and puts its old ones back by itself when readings stop.

    Exit code 3 when they are refused, 1 when they are put back.

    Example:  lamppost stations config apply lp-0017 lp-0017.yaml
    """
    _send(config, node, _text(file), base, wait, timeout, as_json)


@app.command("set")
def config_set(
    node: str = NODE,
    settings: list[str] = typer.Argument(..., metavar="SETTING=VALUE", help="Such as seal_s=10."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the change, have the station check it, and end."),
    wait: bool = WAIT,
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Change single values in a station's settings; its comments and all else stay. Sent and tried as by `apply`.

    Examples:  lamppost stations config set lp-0017 seal_s=10
               lamppost stations config set lp-0017 sensors.air-1.period_s=5 --dry-run
    """
    shown = ask_node(config, node, "config", {"do": "show"}, timeout)
    if not shown.get("ok"):
        end_with(shown)
    with as_agents_say(node):
        before, digest = str(shown["text"]), str(shown["digest"])
    text = _changed(config, node, before, settings, timeout)
    lines = difflib.unified_diff(before.splitlines(), text.splitlines(), node, f"{node} (new)", n=1, lineterm="")
    is_over = dry_run or text == before
    if is_over or not as_json:
        say("\n".join(lines) or f"{node}: nothing changes", as_json, node=node)
    if not is_over:
        _send(config, node, text, digest, wait, timeout, as_json)


def _changed(config: Path, node: str, text: str, settings: list[str], timeout_s: float) -> str:
    """The text with the values set, as the station would take it. Raises Failure with its reason when it would not."""
    from common.setting_path import NoSuchSetting, where_in
    from common.strict_yaml import NotUsable, parse
    from common.yaml_splice import readings_of, with_value

    plain, quoted = text, text
    try:
        for setting in settings:
            name, equals, typed = (part.strip() for part in setting.partition("="))
            if not equals:
                raise NoSuchSetting(f"{setting} has no value; write {setting}=VALUE")
            readings = readings_of(typed)
            plain = with_value(plain, where_in(parse(plain, node).data, name), readings[0])
            quoted = with_value(quoted, where_in(parse(quoted, node).data, name), readings[-1])
    except (NoSuchSetting, NotUsable) as error:
        raise Failure(
            Exit.CONFIGURATION, "setting-unknown", str(error), f"lamppost stations config show {node}"
        ) from error
    answer = ask_node(config, node, "config", {"do": "check", "text": plain}, timeout_s)
    if answer.get("ok"):
        return plain
    if quoted != plain and ask_node(config, node, "config", {"do": "check", "text": quoted}, timeout_s).get("ok"):
        return quoted  # `lane=2`: a word where a word is wanted
    raise Failure(Exit.CONFIGURATION, "config-refused", f"{node} refuses: {answer.get('error')}", "nothing changed")


@app.command("history")
def config_history(node: str = NODE, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Every version that was sent to a station: when, by whom, and what became of it.

    Example:  lamppost stations config history lp-0017
    """
    from collector.stations.fleet import history

    settings, _ = node_of(config, node)
    with state_of(settings) as db:
        sent = history(db, node)
    clock = clock_of(settings.web.time_zone)
    for version in sent:
        if as_json:
            show_json(version._asdict())
        else:
            typer.echo(f"{version.version:>4}  {clock(version.at_ms)}  {version.who:<12} {version.outcome}")
    if not sent:
        typer.echo(f"no settings were sent to {node}", err=True)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise Failure(Exit.CONFIGURATION, "file-unreadable", f"{file}: {why}", "name a file of settings") from error


def _send(config: Path, node: str, text: str, base: str | None, wait: bool, timeout: float, as_json: bool) -> None:
    """Send, wait for the end of the trial, write down what became of it, and end the command."""
    from collector.stations.fleet import begin_version, end_version, note

    settings, _ = node_of(config, node)
    with state_of(settings) as db:
        version = begin_version(db, node, text, this_person(), wall_ms())
    asked = {"do": "apply", "text": text, "version": version, "base": base}
    outcome = "no answer"
    try:
        answer = ask_node(config, node, "config", asked, timeout)
        outcome = "on trial" if answer.get("ok") else "refused"
        if answer.get("ok"):
            typer.echo(f"{node}: version {version} is on trial, up to two minutes ...", err=True)
            if wait:
                outcome = _outcome(config, node, version)
            if wait or as_json:
                say(f"{node}: version {version} {outcome}", as_json, node=node, version=version, outcome=outcome)
    finally:  # who waits no longer has sent them all the same
        with state_of(settings) as db:
            end_version(db, node, version, outcome)
        note(settings, this_person(), "settings sent", f"{node} version {version}: {outcome}", wall_ms())
    if outcome == "refused":
        raise Failure(Exit.CONFIGURATION, "config-refused", f"{node} refuses: {answer.get('error')}", "nothing changed")
    raise typer.Exit(Exit.NOT_HEALTHY if outcome.startswith("rolled back") else Exit.FINE)


def _outcome(config: Path, node: str, version: int) -> str:
    """Ask until the trial is over. The agent begins anew meanwhile: silence is no answer."""
    until_s = time.monotonic() + TRIAL_S
    while time.monotonic() < until_s:
        time.sleep(2.0)
        try:
            said = ask_node(config, node, "config", {"do": "show"}, 5.0)
        except Failure as failure:
            if failure.word != "no-answer":
                raise
            continue
        if said.get("version") == version and said.get("state") in ("kept", "rolled back"):
            return f"{said['state']}: {said['reason']}" if said.get("reason") else str(said["state"])
    raise Failure(Exit.TIMED_OUT, "no-outcome", f"{node} has not said how the trial ended", "stations config show")
