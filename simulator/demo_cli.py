"""`lamppost demo`: everything on this machine, nothing else needed."""

from __future__ import annotations

import json
import shlex
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from simulator.demo import Demo, Ledger

PAGES_UP_S = 20.0


def demo(
    duration: float = typer.Option(0, "--duration", help="End after so many seconds; 0 runs until Ctrl-C.", min=0),
    as_json: bool = typer.Option(
        False, "--json", help="End with one JSON object on stdout and say nothing else there."
    ),
    port: int = typer.Option(8080, "--port", help="Port of the page on 127.0.0.1.", min=1, max=65535),
    speed: float = typer.Option(600, "--speed", help="Simulated seconds per second of the replayed data.", min=1),
    seed: int = typer.Option(7, "--seed", help="The same seed gives the same street."),
    stations: int = typer.Option(3, "--stations", help="How many lampposts.", min=1, max=3),
    folder: Path | None = typer.Option(None, "--folder", help="Keep databases, settings and logs here."),
) -> None:
    """Three lampposts with true sensor bytes and real data, a collector, alerts and a live page on this machine.

    Example:  lamppost demo --duration 60 --json
    """
    import signal

    from simulator.demo import Demo
    from simulator.programs import ENDS

    ending = threading.Event()
    for number in ENDS:
        signal.signal(number, lambda *_: ending.set())
    run = Demo(port, speed, seed, stations, folder)
    try:
        run.start()
        _welcome(run, ending)
        _watch(run, ending, duration, live=not as_json and sys.stdout.isatty())
        run.wait_for_answers()
        run.end_agents_and_collector()
        ledger = run.ledger()
    finally:
        run.close()
    _tell(ledger, as_json)
    raise typer.Exit(Exit.FINE if ledger.lost == ledger.doubled == 0 else Exit.NOT_HEALTHY)


def _welcome(run: Demo, ending: threading.Event) -> None:
    """Once the pages are up: where to look, and how to ask."""
    until_s = time.monotonic() + PAGES_UP_S
    while run.desk() is None and run.failed_child() is None and time.monotonic() < until_s and not ending.wait(0.1):
        pass
    program = shlex.quote(sys.argv[0])
    print(
        f"page: {run.page}   in English: {run.page}en/\n"
        f"desk: {run.desk() or run.page + 'ops'}\n"
        f"ask:  {program} alerts -c {run.settings}   also: gaps, audit, stations list, query run air-latest\n"
        "Ctrl-C ends the demo",
        file=sys.stderr,
    )


def _watch(run: Demo, ending: threading.Event, duration_s: float, live: bool) -> None:
    """Wait for the end; keep the table in the terminal when a person is looking."""
    until_s = time.monotonic() + duration_s if duration_s else float("inf")
    table = None
    if live:
        from simulator.live_table import LiveTable

        table = LiveTable(run.names(), run.page)
    try:
        while not ending.wait(min(1.0, max(0.01, until_s - time.monotonic()))):
            if time.monotonic() >= until_s:
                return
            broken = run.failed_child()
            if broken is not None:
                raise Failure(Exit.NOT_HEALTHY, "child-ended", broken, "run with --folder and read its log")
            if table is not None:
                table.show(run.latest(), run.alerts_fired())
    finally:
        if table is not None:
            table.close()


def _tell(ledger: Ledger, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(ledger)))
        return
    print(
        f"accepted {ledger.readings_accepted}   stored {ledger.readings_stored}   waiting {ledger.waiting}   "
        f"lost {ledger.lost}   doubled {ledger.doubled}   bad frames {ledger.bad_frames}   "
        f"alerts fired {ledger.alerts_fired}"
    )
