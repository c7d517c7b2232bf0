"""The questions, one letter an answer, sixty columns, no mouse. Asks only what has not been answered yet."""

from __future__ import annotations

import secrets
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_agent.setup.answers import Answers, BrokerAnswer, SensorAnswer
from wire import names
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from edge_agent.port_probe import Finding

LETTERS = "abcdefghijklmnop"


def ask_all(answers: Answers, keep: Callable[[Answers], None], secrets_folder: Path) -> Answers:
    """Every answer there must be. `keep` hears of each, so that nothing is asked twice."""
    for step in (_station, _people, partial(_link, secrets_folder=secrets_folder), _sensors, _clock, _service):
        answers = step(answers)
        keep(answers)
    return answers


def choose(text: str, letters: str, default: str) -> str:
    """One letter of `letters`; Enter takes the default."""
    shown = "/".join(letter.upper() if letter == default else letter for letter in letters)
    while True:
        said: str = typer.prompt(f"{text} [{shown}]", default=default, show_default=False).strip().lower()
        if said[:1] in letters and len(said) <= 1:
            return said
        typer.echo(f"  one of {', '.join(letters)}, please")


def _ask(text: str, default: str, check: Callable[[str], Any]) -> Any:
    """An answer that `check` takes; it raises ValueError with what is wanted."""
    while True:
        said: str = typer.prompt(text, default=default).strip()
        try:
            return check(said)
        except ValueError as error:
            typer.echo(f"  {error}")


def _station(answers: Answers) -> Answers:
    if answers.node is None and answers.token is None:
        typer.echo("\n1 of 6  The station")
        letter = choose("Have a [t]oken of the office, or [n]ame it here?", "tn", "n")
        if letter == "t":
            answers = answers.with_(token=typer.prompt("Token").strip())
        else:
            suggested = f"lp-{secrets.token_hex(2)}"
            answers = answers.with_(node=_ask("Name of this device", suggested, _node))
    if answers.site is None:
        answers = answers.with_(site=_ask("Place, such as jianguo-rd-east", "", _name))
    return answers


def _people(answers: Answers) -> Answers:
    if answers.who is None:
        typer.echo("\n2 of 6  Who and where")
        answers = answers.with_(who=typer.prompt("Your name", default="-").strip())
    if answers.where is None:
        answers = answers.with_(where=typer.prompt("Pole, height, side", default="-").strip())
    if answers.lat is None:
        spot = _ask("Position, such as 39.9087,116.4605", "-", _position)
        if spot is not None:
            answers = answers.with_(lat=spot[0], lon=spot[1])
    return answers


def _link(answers: Answers, secrets_folder: Path) -> Answers:
    if answers.token is not None or answers.broker is not None:
        return answers
    typer.echo("\n3 of 6  The broker")
    host = _ask("Host", "127.0.0.1", lambda said: BrokerAnswer(host=said).host)
    port = _ask("Port", "1883", lambda said: BrokerAnswer(port=int(said)).port)
    if choose("Does it want a password?", "yn", "n") == "n":
        return answers.with_(broker=BrokerAnswer(host=host, port=port).model_dump())
    user, password = _login(answers, host, port)
    file = secrets_folder / "lamppost.broker"
    _write_secret(file, password)
    made = BrokerAnswer(host=host, port=port, username=user, password_file=file)
    return answers.with_(broker=made.model_dump())


def _login(answers: Answers, host: str, port: int) -> tuple[str, str]:
    """User and password, tried at once: a slip of the finger is seen here, not at the proof."""
    from device_profiles.settings import BrokerAddress
    from edge_agent.reach import why_not_let_in

    user = answers.node or ""
    while True:
        user = typer.prompt("User", default=user)
        password = ""
        while not password:
            password = typer.prompt("Password", hide_input=True, default="", show_default=False)
            if not password:
                typer.echo("  an empty one is none: type it, or Ctrl-C")
        refused = why_not_let_in(BrokerAddress(host, port, user, password), f"{answers.node or user}.setup")
        if refused is None:
            typer.echo("  the broker lets us in")
            return user, password
        typer.echo(textwrap.fill(refused, 60, initial_indent="  ", subsequent_indent="  "))
        if choose("[t]ype it again, or [k]eep it?", "tk", "t") == "k":
            return user, password


def _sensors(answers: Answers) -> Answers:
    if answers.sensors is not None and answers.sensors != "search":
        return answers
    typer.echo("\n4 of 6  Sensors")
    chosen = search_sensors(ask=True)
    return answers.with_(sensors=[sensor.model_dump() for sensor in chosen])


def search_sensors(ask: bool) -> list[SensorAnswer]:
    """Probe all free ports. A person decides where nobody is sure; without one, what is not sure is left out."""
    from device_profiles.catalogue import load
    from edge_agent.config_edit import sensor_name
    from edge_agent.ports_cli import find_sensors
    from edge_agent.ports_screen import finding_lines

    catalogue = load()
    typed: list[str] = []
    while True:
        try:
            findings = find_sensors(_ports(typed), None)
        except Failure as failure:
            if not ask:
                raise
            typer.echo(textwrap.fill(failure.line(), 60, break_on_hyphens=False))
            findings = []
        for finding in findings:
            typer.echo("\n".join(finding_lines(finding, lambda name: catalogue.get(name).warm_up_s)))
        chosen: list[SensorAnswer] = []
        for finding in findings:
            profile = _profile(finding, ask)
            if profile is not None:
                name = sensor_name(profile, [sensor.name for sensor in chosen])
                chosen.append(SensorAnswer(name=name, profile=profile, port=finding.path))
        if not ask:
            break
        for sensor in chosen:
            typer.echo(f"  {sensor.name:<8} {sensor.profile}")
        use = f"[u]se {_count(chosen)}, " if chosen else ""
        letters, default = ("uapq", "u") if chosen else ("apq", "a")
        letter = choose(f"{use}[a]gain, [p]ort by name, [q]uit?", letters, default)
        if letter == "u":
            break
        if letter == "p":
            typed = typer.prompt("Ports, such as /dev/ttyUSB0 /dev/ttyS3").split()
        if letter == "q":
            raise Failure(
                Exit.DEVICE_OR_PORT, "setup-paused", "no sensors yet", "later: lamppost agent setup goes on here"
            )
    if not chosen:
        raise Failure(Exit.DEVICE_OR_PORT, "no-sensor", "no sensor was found", "lamppost agent probe")
    return chosen


def _ports(typed: list[str]) -> list[str]:
    """What is free, and what a person named. Raises Failure when that is nothing."""
    from edge_agent.ports_cli import free_ports

    try:
        free = free_ports()
    except Failure:
        if not typed:
            raise
        free = []
    return [*free, *(port for port in typed if port not in free)]


def _profile(finding: Finding, ask: bool) -> str | None:
    if finding.sensor is not None:
        return finding.sensor.profile
    verdicts = finding.outcome.verdicts[: len(LETTERS)] if finding.outcome is not None else []
    if not verdicts or not ask:
        return None
    typer.echo(f"What hangs on {finding.path}?")
    for letter, verdict in zip(LETTERS, verdicts, strict=False):
        typer.echo(f"  {letter}  {verdict.profile}")
    letters = LETTERS[: len(verdicts)] + "x"
    said = choose("Which, or x for none?", letters, "x")
    return None if said == "x" else verdicts[LETTERS.index(said)].profile


def _clock(answers: Answers) -> Answers:
    if answers.clock is not None:
        return answers
    from edge_agent.clock import synchronised

    if synchronised():
        return answers.with_(clock="when-synchronised")
    typer.echo("\n5 of 6  The clock has not been set by NTP yet")
    typer.echo("  Readings wait on this device until it is.")
    letter = choose("[w]ait for NTP, or [b]elieve it as it is?", "wb", "w")
    return answers.with_(clock="when-synchronised" if letter == "w" else "always")


def _service(answers: Answers) -> Answers:
    if answers.service is not None:
        return answers
    from edge_agent.service import systemd_runs

    if not systemd_runs():
        typer.echo("\n6 of 6  No systemd runs here: no service")
        return answers.with_(service=False)
    typer.echo("\n6 of 6  The service")
    return answers.with_(service=choose("Start by itself, also after a power cut?", "yn", "y") == "y")


def _node(said: str) -> str:
    if not names.is_node(said):
        raise ValueError("small letters, digits and hyphens, please")
    return said


def _name(said: str) -> str:
    if not names.is_name(said):
        raise ValueError("small letters, digits and hyphens, please")
    return said


def _position(said: str) -> tuple[float, float] | None:
    if said in ("", "-"):
        return None
    parts = said.replace("，", ",").split(",")
    try:
        lat, lon = float(parts[0]), float(parts[1])
    except (ValueError, IndexError):
        raise ValueError("latitude, comma, longitude, or -") from None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError("latitude first: -90 to 90, then longitude")
    return lat, lon


def _count(chosen: list[SensorAnswer]) -> str:
    return "it" if len(chosen) == 1 else f"these {len(chosen)}"


def _write_secret(file: Path, text: str) -> None:
    from edge_agent.identity import write_private

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(file, text.encode())


def a_person_is_here() -> bool:
    """True when questions can be answered."""
    return sys.stdin.isatty() and sys.stdout.isatty()
