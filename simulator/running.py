"""From a wish to a verdict: which depth runs it, where it is kept, what a person sees meanwhile."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from simulator import runs
from simulator.city.city import UTC_OFFSET_H
from simulator.depths.pace import Pace, factor_of
from simulator.programs import ENDS
from simulator.scenario.scenario import Scenario
from simulator.verify.verdict import Verdict
from wire.exits import Exit, Failure

TOLD = ("connected", "batches", "unanswered")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run as it was asked for."""

    name: str
    scenario: Scenario
    seed: int
    speed: str
    depth: str
    faults: tuple[str, ...]
    broker: tuple[str, int] | None
    store: str | None
    out: Path | None


def run_scenario(wanted: Wanted, live: bool) -> tuple[dict[str, Any], Verdict | None]:
    """Run it to its end, or to Ctrl-C; facts, and the verdict where there is a database to look at. Raises Failure."""
    _check(wanted)
    for text in wanted.scenario.never(wanted.faults):
        print(f"note  {text} strikes nobody: so short is the run, or no such station", file=sys.stderr)
    pace = Pace(factor_of(wanted.speed))
    folder = _folder(wanted)
    ending = threading.Event()
    with _ctrl_c(ending, pace), _Progress(wanted, live) as progress:
        facts = _at_depth(wanted, folder, pace, ending, progress)
    run = folder.name if wanted.out is None else str(folder)  # what `--run` finds
    facts |= {"run": run, "folder": str(folder), "scenario": wanted.name, "interrupted": not facts["whole"]}
    if wanted.depth == "file" or (wanted.broker is not None and wanted.store is None):
        return facts, None
    return facts, judge(str(folder), None, None)


def judge(run: str, against: str | None, html: Path | None) -> Verdict:
    """The verdict of a kept run. Raises Failure."""
    from collector.stores.sqlite import Sqlite
    from collector.stores.store import StoreDown
    from simulator.depths.chain import STORE
    from simulator.depths.stores import open_store
    from simulator.notes import Notes
    from simulator.verify.html import page
    from simulator.verify.verify import verify

    folder = runs.find(run)
    if not (folder / "notes.db").is_file():
        text = f"{folder} has no notes: a run of depth file, or one that was killed"
        raise Failure(Exit.NOT_HEALTHY, "no-notes", text, "run it again")
    notes = Notes(folder / "notes.db")
    address, own = against or notes.meta().get("store"), folder.resolve() / STORE
    if address in (None, f"sqlite://{own}") and not own.is_file():
        notes.close()
        text = f"nothing was stored in {folder}: so short was the run, or its collector.log tells why"
        raise Failure(Exit.NOT_HEALTHY, "nothing-stored", text, "give a longer --duration or a lower --speed")
    store = open_store(address) if address is not None else Sqlite(own)
    try:
        verdict = verify(notes, store, folder.name, alone=against is None)
        if html is not None:
            _write(html, page(verdict, notes, store))
    except StoreDown as error:
        raise Failure(Exit.STORE, "store-away", str(error), "start it, or name it with --against") from error
    finally:
        store.close()
        notes.close()
    return verdict


def _check(wanted: Wanted) -> None:
    """Whether its faults and its real data can be had. Raises Failure."""
    try:
        wanted.scenario.orders(wanted.faults)
    except ValueError as error:
        raise Failure(
            Exit.USAGE, "fault", str(error), "lamppost sim describe SCENARIO shows how they are written"
        ) from error
    try:
        wanted.scenario.city(wanted.seed)
    except (OSError, ValueError) as error:
        text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        cure = "beijing, london, i94 or a CSV, from a time that it has"
        raise Failure(Exit.USAGE, "replay", text, cure) from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(Exit.NOT_PERMITTED, "file-unwritable", f"{file}: {error.strerror}") from error


def _folder(wanted: Wanted) -> Path:
    """Where the run is kept; an earlier run there makes room, anybody else's database does not."""
    if wanted.out is None:
        return runs.new(wanted.name, wanted.seed)
    old = [path for name in ("readings.db", "collector.db", "notes.db") if (path := wanted.out / name).exists()]
    if old and old[-1].name != "notes.db":
        raise Failure(Exit.USAGE, "folder-taken", f"{old[0]} is of no run", "name another folder with --out")
    try:
        wanted.out.mkdir(parents=True, exist_ok=True)
        for path in old:
            path.unlink()
    except OSError as error:
        raise Failure(Exit.NOT_PERMITTED, "folder-read-only", f"{wanted.out}: {error.strerror}") from error
    return wanted.out


def _at_depth(wanted: Wanted, folder: Path, pace: Pace, ending: threading.Event, progress: _Progress) -> dict[str, Any]:
    def go_on(done: float, **counts: int) -> bool:
        progress.show(done, **counts)
        return not ending.is_set()

    scenario, seed, faults, store = wanted.scenario, wanted.seed, wanted.faults, wanted.store
    if wanted.depth == "chain":
        if wanted.broker is not None:
            text = "depth chain has its own broker, on simulated time"
            raise Failure(Exit.USAGE, "broker", text, "write --depth mqtt or --depth pty with --broker")
        from simulator.depths import chain

        return chain.run(scenario, seed, folder, pace, faults, store,
                         lambda world: progress.show(world.done, **world.tap.counts))  # fmt: skip
    if wanted.depth == "file":
        from simulator.depths import captures

        return captures.run(scenario, seed, folder, wanted.name, faults, go_on)
    if wanted.depth == "pty":
        from simulator.depths import terminals

        return terminals.run(scenario, seed, folder, pace, faults, store, wanted.broker, go_on)
    from simulator.depths import nodes

    return nodes.run(
        scenario, seed, folder, pace, faults, store, wanted.broker,
        lambda fleet, done: go_on(done, connected=fleet.connected(), batches=fleet.tally.counts["sealed"],
                                  unanswered=fleet.waiting()),
    )  # fmt: skip


@contextlib.contextmanager
def _ctrl_c(ending: threading.Event, pace: Pace) -> Iterator[None]:
    """The first Ctrl-C ends the run in order; a second one ends the program."""

    def end(*_: Any) -> None:
        if ending.is_set():
            raise KeyboardInterrupt
        ending.set()
        pace.stop()

    before = {number: signal.signal(number, end) for number in ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Progress:
    """A bar with the simulated clock and rates, on stderr, when a person is looking; nothing else otherwise."""

    EVERY_S = 0.2

    def __init__(self, wanted: Wanted, live: bool) -> None:
        self._wanted, self._live = wanted, live
        self._shown_s = self._began_s = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        if self._live:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (BarColumn(14), TextColumn("{task.percentage:3.0f} %"), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("starting", total=1.0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: float, **counts: int) -> None:
        """So much is done."""
        now_s = time.monotonic()
        if self._bar is None or now_s - self._shown_s < self.EVERY_S:
            return
        self._shown_s = now_s
        wants = self._wanted.scenario
        zone = timezone(timedelta(hours=UTC_OFFSET_H))
        clock = datetime.fromtimestamp(wants.start_ms / 1000 + done * wants.duration_s, zone)
        speed = done * wants.duration_s / max(0.001, now_s - self._began_s)
        parts = [f"{clock:%m-%d %H:%M}", f"{wants.stations} stations", f"{speed:,.0f}x"]
        parts += [f"{counts[name]:,} {name}" for name in TOLD if name in counts]  # a screen of 80 columns
        text = " · ".join([*parts, f"seed {self._wanted.seed}"])
        self._bar.update(self._task, completed=done, description=text)
