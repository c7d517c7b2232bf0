"""`lamppost sim`: scenarios run, watched, steered and judged. Heavy imports happen inside the commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario
    from simulator.verify.verdict import Verdict

EXAMPLES = """\b
Examples:
  lamppost sim list
  lamppost sim run fireworks-night --seed 7 --speed max
  lamppost sim run rush-hour --speed 60x --fault bitflip@0.01 --fault broker-down:1800@08:00
  lamppost sim run rush-hour --depth mqtt --stations 500 --speed 1x --duration 5m
  lamppost sim run ./mine.yaml --depth pty --speed 1x --stations 2 --duration 3m
  lamppost sim ctl last fault "power-cut:30@+0s on lp-0001"
  lamppost sim verify --run last --html verdict.html
"""
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, epilog=EXAMPLES)
DEPTHS = ("chain", "pty", "mqtt", "file")


@app.command("list")
def list_(
    runs: bool = typer.Option(False, "--runs", help="What was run and is still kept, instead of scenarios."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """The scenarios that come with the simulator, or the runs that are kept.

    Example:  lamppost sim list
    """
    from simulator import runs as kept
    from simulator.scenario.scenario import load, names

    if runs:
        found = {folder.name: str(folder) for folder in kept.listed()}
        if not found:
            typer.echo(f"no run is kept in {kept.home()}", err=True)
    else:
        found = {name: load(name).title.en for name in names()}
    if as_json:
        typer.echo(json.dumps({"schema": "lamppost.sim.list/1", "runs" if runs else "scenarios": found}))
        return
    width = max(map(len, found), default=0)
    for name, text in found.items():
        typer.echo(f"{name:{width}}  {text}")


@app.command()
def describe(
    scenario: str = typer.Argument(..., help="A scenario's name, or a file."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """What a scenario lets happen, and what its right verdict is.

    Example:  lamppost sim describe clock-chaos
    """
    from simulator.described import described

    wants = _load(scenario)
    if as_json:
        typer.echo(json.dumps({"schema": "lamppost.sim.scenario/1", **wants.model_dump(mode="json", by_alias=True)}))
    else:
        typer.echo(described(scenario, wants))


@app.command()
def run(
    scenario: str = typer.Argument(..., help="A scenario's name, or a file."),
    seed: int = typer.Option(7, "--seed", help="The same seed gives the same bytes."),
    speed: str = typer.Option("max", "--speed", help="1x, 60x, or max: simulated seconds per second."),
    depth: str = typer.Option(
        "chain",
        "--depth",
        help="chain: all in here on simulated time; pty: programs at "
        "terminals; mqtt: virtual nodes; file: sensors' bytes alone.",
    ),
    stations: int | None = typer.Option(None, "--stations", min=1, help="How many, instead of the scenario's."),
    duration: str | None = typer.Option(None, "--duration", help="How long, such as 90m, instead of the scenario's."),
    start: str | None = typer.Option(None, "--from", help="Its start on the city's clock: 2026-01-01T06:00."),
    seal: float | None = typer.Option(None, "--seal", min=1, max=60, help="Seconds from batch to batch."),
    small: bool = typer.Option(False, "--small", help="As the project's own tests run it."),
    fault: list[str] = typer.Option([], "--fault", help="One more fault: KIND[:ARG]@SHARE or @TIME[-TIME][ on NODE]."),
    broker: str | None = typer.Option(None, "--broker", help="HOST:PORT of a real broker (depths pty and mqtt)."),
    store: str | None = typer.Option(None, "--store", help="sqlite:///FILE, influx://HOST:PORT/DB or influx2://..."),
    out: Path | None = typer.Option(None, "--out", help="The folder of the run, instead of one among the kept."),
    as_json: bool = typer.Option(False, "--json", help="End with one JSON object on stdout."),
) -> None:
    """Run a scenario and judge it. Ends by itself; Ctrl-C ends it early with what there is.

    Examples:
      lamppost sim run fireworks-night --seed 7 --speed max
      lamppost sim run network-weather --fault net-loss:0.5@+1h-+2h --json
    """
    import logging

    from simulator.running import Wanted, run_scenario

    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")  # what it simulates has much to say
    wants = _with(_load(scenario), small, stations=stations, duration=duration, start=start, seal_s=seal)
    name = Path(scenario).stem
    wanted = Wanted(name, wants, seed, speed, _depth(depth), tuple(fault), _address(broker), store, out)
    facts, verdict = run_scenario(wanted, live=not as_json and sys.stderr.isatty())
    if as_json:
        typer.echo(json.dumps({"schema": "lamppost.sim.run/1", **facts, "verdict": verdict and verdict.as_json()}))
    else:
        _tell(facts, verdict)
    well = verdict.passed if verdict is not None else not facts.get("waiting_rows")
    raise typer.Exit(Exit.FINE if well else Exit.NOT_HEALTHY)


@app.command()
def ctl(
    run: str = typer.Argument(..., help="A run's name, or last."),
    verb: str = typer.Argument(..., help="status, pause, resume, stop, speed, fault."),
    value: str = typer.Argument("", help="The speed, or the fault."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Steer a run of depth chain while it goes on.

    Examples:
      lamppost sim ctl last pause
      lamppost sim ctl last speed 600x
      lamppost sim ctl last fault "broker-down:300@+0s"
    """
    from simulator import runs
    from simulator.depths.control import ask

    asked: dict[str, Any] = {"do": verb}
    if verb == "speed":
        asked["to"] = value
    elif verb == "fault":
        asked["text"] = value
    answer = ask(runs.find(run), asked)
    if "error" in answer:
        raise Failure(Exit.USAGE, "order", answer["error"], "lamppost sim ctl --help")
    if as_json:
        typer.echo(json.dumps({"schema": "lamppost.sim.ctl/1", **answer}))
    else:
        typer.echo("   ".join(f"{key} {value}" for key, value in answer.items()))


@app.command()
def verify(
    run: str = typer.Option("last", "--run", help="A run's name, its folder, or last."),
    against: str | None = typer.Option(None, "--against", help="The database, when it is not the run's own."),
    html: Path | None = typer.Option(None, "--html", help="Write a report with plots to this file."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Compare what the sensors meant with what a database holds. Values, units, times, flags, alerts.

    Exit code 0: everything is there, once and right, or missing for a reason that the scenario allows. 1: it is not.

    Example:  lamppost sim verify --run last --against influx://127.0.0.1:8086/lamppost
    """
    from simulator.running import judge

    verdict = judge(run, against, html)
    if as_json:
        typer.echo(json.dumps(verdict.as_json()))
    else:
        typer.echo("\n".join(verdict.lines()))
    raise typer.Exit(Exit.FINE if verdict.passed else Exit.NOT_HEALTHY)


def _load(name: str) -> Scenario:
    from common.strict_yaml import NotUsable
    from simulator.scenario.scenario import load

    try:
        return load(name)
    except FileNotFoundError as error:
        raise Failure(Exit.USAGE, "scenario-unknown", str(error), "lamppost sim list") from error
    except NotUsable as error:
        raise Failure(Exit.CONFIGURATION, "scenario", str(error)) from error


def _with(wants: Scenario, small: bool, **changes: Any) -> Scenario:
    """The scenario as it is wanted, checked again: other times may not fit its events."""
    from pydantic import ValidationError

    wants = (wants.smaller() if small else wants).with_(**changes)
    try:
        return type(wants).model_validate(wants.model_dump(by_alias=True))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        text = f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"
        raise Failure(Exit.USAGE, "scenario", text) from error


def _depth(word: str) -> str:
    if word not in DEPTHS:
        raise Failure(Exit.USAGE, "depth", f"{word!r} is no depth", f"write {', '.join(DEPTHS)}")
    return word


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.removeprefix("mqtt://").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise Failure(Exit.USAGE, "broker-address", f"{text!r} is no address", "write HOST:PORT")
    return host, int(port)


def _tell(facts: dict[str, Any], verdict: Verdict | None) -> None:
    if verdict is not None:
        typer.echo("\n".join(verdict.lines()))
    else:
        counts = {"waiting": facts["waiting_rows"], **facts["counts"]} if "counts" in facts else {}
        told = [f"{name} {count:,}" for name, count in counts.items()] + ["ended early"] * facts["interrupted"]
        typer.echo("   ".join(told), nl=bool(told))
    if "hash" in facts:
        typer.echo(f"bytes {facts['hash']}")
    typer.echo(f"run   {facts['run']}")
    if verdict is not None:
        typer.echo(f"look  lamppost sim verify --run {facts['run']} --html verdict.html", err=True)
