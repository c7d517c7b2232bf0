"""The questions, one letter an answer, sixty columns, no mouse. Asks only what has not been answered yet."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import typer

from edge_agent.commands.options import models
from edge_agent.setup.answers import Answers, BrokerAnswer, position, separated
from edge_agent.setup.questions import ask, choose, indented
from edge_agent.setup.sensor_search import search_sensors
from wire import enrolment, names


def ask_all(answers: Answers, keep: Callable[[Answers], None], secrets_folder: Path) -> Answers:
    """Every answer there must be. `keep` hears of each, so that nothing is asked twice."""
    for step in (_station, _people, partial(_link, secrets_folder=secrets_folder), _sensors, _clock, _service):
        answers = step(answers)
        keep(answers)
    return answers


def _station(answers: Answers) -> Answers:
    if answers.node is None and answers.token is None:
        typer.echo("\n1 of 6  The station")
        letter = choose("Have a [t]oken of the office, or [n]ame it here?", "tn", "n")
        if letter == "t":
            answers = answers.with_(token=ask("Token", "", _token))
        else:
            suggested = f"lp-{secrets.token_hex(2)}"
            answers = answers.with_(node=ask("Name of this device", suggested, _node))
    if answers.site is None:
        answers = answers.with_(site=ask("Place, such as jianguo-rd-east", "", _name))
    return answers


def _people(answers: Answers) -> Answers:
    if answers.who is None:
        typer.echo("\n2 of 6  Who and where")
        answers = ask("Your name", "-", lambda said: answers.with_(who=said))
    if answers.where is None:
        answers = ask("Pole, height, side", "-", lambda said: answers.with_(where=said))
    if answers.lat is None:
        spot = ask("Position, such as 39.9087,116.4605", "-", position)
        if spot is not None:
            answers = answers.with_(lat=spot[0], lon=spot[1])
    return answers


def _link(answers: Answers, secrets_folder: Path) -> Answers:
    if answers.token is not None or answers.broker is not None:
        return answers
    typer.echo("\n3 of 6  The broker")
    host, *others = ask("Host; of a cluster all, with commas", "127.0.0.1", _hosts)
    broker = BrokerAnswer(host=host, port=ask("Port", "1883", _port), others=others)
    if choose("Does it want a password?", "yn", "n") == "y":
        user, password = _login(answers, broker)
        file = secrets_folder / "lamppost.broker"
        _write_secret(file, password)
        broker = broker.model_copy(update={"username": user, "password_file": file})
    return answers.with_(broker=broker.model_dump())


def _login(answers: Answers, broker: BrokerAnswer) -> tuple[str, str]:
    """User and password, tried at once: a slip of the finger is seen here, not at the proof."""
    from common.field_types import Broker
    from common.settings import broker_address
    from edge_agent.identity.reach import why_not_let_in

    user, address = answers.node or "", broker_address(Broker(**broker.settings()))
    while True:
        user = typer.prompt("User", default=user)
        password = ""
        while not password:
            password = typer.prompt("Password", hide_input=True, default="", show_default=False)
            if not password:
                typer.echo("  an empty one is none: type it, or Ctrl-C")
        refused = why_not_let_in(replace(address, username=user, password=password), f"{answers.node or user}.setup")
        if refused is None:
            typer.echo("  the broker lets us in")
            return user, password
        typer.echo(indented(refused))
        if choose("[t]ype it again, or [k]eep it?", "tk", "t") == "k":
            return user, password


def _sensors(answers: Answers) -> Answers:
    if answers.sensors is not None and answers.sensors != "search":
        return answers
    typer.echo("\n4 of 6  Sensors")
    chosen = search_sensors(models(answers.profiles), by_person=True)
    return answers.with_(sensors=[sensor.model_dump() for sensor in chosen])


def _clock(answers: Answers) -> Answers:
    if answers.clock is not None:
        return answers
    from edge_agent.device.clock import synchronised

    if synchronised():
        return answers.with_(clock="when-synchronised")
    typer.echo("\n5 of 6  The clock has not been set by NTP yet")
    typer.echo("  Readings wait on this device until it is.")
    letter = choose("[w]ait for NTP, or [b]elieve it as it is?", "wb", "w")
    return answers.with_(clock="when-synchronised" if letter == "w" else "always")


def _service(answers: Answers) -> Answers:
    if answers.service is not None:
        return answers
    from edge_agent.device.service import systemd_runs

    if not systemd_runs():
        typer.echo("\n6 of 6  No systemd runs here: no service")
        return answers.with_(service=False)
    typer.echo("\n6 of 6  The service")
    return answers.with_(service=choose("Start by itself, also after a power cut?", "yn", "y") == "y")


def _token(said: str) -> str:
    enrolment.read_token(said)  # damaged in copying: better seen now than after the last question
    return said


def _hosts(said: str) -> list[str]:
    first, *others = separated(said)
    return [BrokerAnswer(host=first).host, *BrokerAnswer(others=others).others]


def _port(said: str) -> int:
    if not (said.isdecimal() and 1 <= int(said) <= 65535):
        raise ValueError("a number from 1 to 65535, please")
    return int(said)


def _node(said: str) -> str:
    if not names.is_node(said):
        raise ValueError("small letters, digits and hyphens, please")
    return said


def _name(said: str) -> str:
    if not names.is_name(said):
        raise ValueError("small letters, digits and hyphens, please")
    return said


def _write_secret(file: Path, text: str) -> None:
    from common.whole_file import PRIVATE, write_whole

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(file, text.encode(), PRIVATE)
