"""Which sensor hangs on which port: searched for, and where nothing is recognised, named by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import typer

from common.language import told
from edge_agent.setup.answers import SensorAnswer
from edge_agent.setup.questions import WIDTH, ask, choose, choose_of
from wire.both import Both, joined, one_of, zh
from wire.cells import wrapped
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from device_profiles.catalogue import Catalogue
    from edge_agent.lines.port_probe import Finding

Models = Mapping[str, str | None]
"""By port what hangs there; None where nothing was recognised."""


def search_sensors(catalogue: Catalogue, by_person: bool) -> list[SensorAnswer]:
    """Probe all free ports. A person decides where nobody is sure; without one, what is not sure is left out."""
    heard, findings = _search(catalogue, [], by_person)
    chosen = _agreed(catalogue, heard, findings) if by_person else sensors_of(catalogue, heard, findings)
    if not chosen:
        raise Failure(
            Exit.DEVICE_OR_PORT, "no-sensor", Both("no sensor was found", "没有找到传感器"), "lamppost agent probe"
        )
    return chosen


def sensors_of(catalogue: Catalogue, models: Models, findings: Sequence[Finding] = ()) -> list[SensorAnswer]:
    """A sensor for each port of a known model, each with a name of its own, at the speed at which it was heard."""
    from edge_agent.settings.edit import sensor_name

    found = {finding.path: finding for finding in findings}
    made: list[SensorAnswer] = []
    for port, profile in models.items():
        if profile is not None:
            name = sensor_name(catalogue, profile, [sensor.name for sensor in made])
            options = found[port].options(catalogue.get(profile)) if port in found else {}
            made.append(SensorAnswer(name=name, profile=profile, port=port, options=options))
    return made


def _agreed(catalogue: Catalogue, heard: Models, findings: Sequence[Finding]) -> list[SensorAnswer]:
    """What a person takes; they may search again, add ports, and name what hangs on a port that is not recognised."""
    typed: list[str] = []
    named: dict[str, str | None] = {}
    while True:
        chosen = sensors_of(catalogue, {port: model or named.get(port) for port, model in heard.items()}, findings)
        silent = [port for port, model in heard.items() if model is None]
        for sensor in chosen:
            typer.echo(f"  {sensor.name:<8} {sensor.profile}")
        letter = _what_now(len(chosen), bool(silent))
        if letter == "u":
            return chosen
        if letter == "q":
            cure = Both("later: lamppost agent setup goes on here", "以后再执行 lamppost agent setup，会从这里继续")
            raise Failure(Exit.DEVICE_OR_PORT, "setup-paused", Both("no sensors yet", "还没有传感器"), cure)
        if letter == "m":
            port = silent[0] if len(silent) == 1 else choose_of(Both("On which port?", "在哪个串口上？"), silent)
            if port is not None:
                typer.echo(told(_what_is_on(port)))
                which = Both("Model, such as pms5003, or -", "型号，如 pms5003；没有就填 -")
                named[port] = ask(which, "-", partial(_model, catalogue))
            continue
        if letter == "p":
            typed = typer.prompt(
                told(Both("Ports, such as /dev/ttyUSB0 /dev/ttyS3", "串口，如 /dev/ttyUSB0 /dev/ttyS3"))
            ).split()
        heard, findings = _search(catalogue, typed, True)


def _what_is_on(port: str) -> Both:
    return Both(f"What hangs on {port}?", f"{port} 上接的是什么？")


def _what_now(count: int, some_silent: bool) -> str:
    """The letter that a person chose, of those that make sense now."""
    letters = "apmq" if some_silent else "apq"
    words = Both("[a]gain, [p]ort by name, [q]uit?", "重新搜索 [a]，指定串口 [p]，退出 [q]？")
    if some_silent:
        words = Both("[a]gain, [p]ort, [m]odel, [q]uit?", "重新搜索 [a]，指定串口 [p]，指定型号 [m]，退出 [q]？")
    if count == 0:
        return choose(words, letters, "a")
    these = Both(f"{count}", f"这 {count} 个")
    if not some_silent:
        these = Both("it", "它") if count == 1 else Both(f"these {count}", f"这 {count} 个")
    use = Both(f"[u]se {these}, ", f"就用{zh(these)} [u]，")
    return choose(joined("", [use, words]), "u" + letters, "u")


def _search(catalogue: Catalogue, typed: list[str], by_person: bool) -> tuple[Models, list[Finding]]:
    """Listen on every port, show what is found, and let a person decide between models that look the same."""
    from edge_agent.commands.ports import find_sensors
    from edge_agent.screens.ports import finding_lines

    try:
        findings = find_sensors(_ports(typed), catalogue)
    except Failure as failure:
        if not by_person:
            raise
        typer.echo("\n".join(wrapped(told(failure.line()), WIDTH)))
        findings = []
    for finding in findings:
        shown = joined("\n", finding_lines(finding, catalogue.get))
        typer.echo(told(shown), err=not by_person)  # a program may be reading the record
    heard = {finding.path: _profile(finding, by_person) for finding in findings if finding.outcome is not None}
    return heard, findings


def _ports(typed: list[str]) -> list[str]:
    """What is free, and what a person named. Raises Failure when that is nothing."""
    from edge_agent.commands.ports import free_ports

    try:
        free = free_ports()
    except Failure:
        if not typed:
            raise
        free = []
    return [*free, *(port for port in typed if port not in free)]


def _profile(finding: Finding, by_person: bool) -> str | None:
    if finding.sensor is not None:
        return finding.sensor.profile
    assert finding.outcome is not None
    alike = [verdict.profile for verdict in finding.outcome.verdicts]
    return choose_of(_what_is_on(finding.path), alike) if alike and by_person else None


def _model(catalogue: Catalogue, said: str) -> str | None:
    """A model's name, or a part that only one has; None for `-`."""
    from common.strict_model import word

    names = catalogue.names()
    if said == "-" or said in names:
        return said if said != "-" else None
    near = [name for name in names if said and said.lower() in name]
    if len(near) == 1:
        return near[0]
    unknown = Both(word(said, names), f"没有型号 {said}")
    every = Both(f"{unknown}; all: lamppost profiles list", f"{zh(unknown)}；全部型号：lamppost profiles list")
    raise ValueError(one_of(near) if near else every)
