"""Depth `chain`: everything on simulated time in this process, from sensors' bytes to rows and alerts."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector.stores.sqlite import Sqlite
from collector.stores.store import Stored
from simulator import runs
from simulator.depths.control import Control
from simulator.depths.pace import Pace, factor_of
from simulator.depths.stores import open_store
from simulator.scenario.scenario import Scenario
from simulator.world.run import STEP_S, Files, Run, strike_now
from wire.exits import Exit, Failure

STORE = "readings.db"


def run(
    scenario: Scenario, seed: int, folder: Path, pace: Pace, faults: tuple[str, ...] = (), store: str | None = None,
    watch: Callable[[Run], None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """Run a scenario; notes and, without a `store`, the database are left in `folder`. Raises Failure."""
    with runs.scratch() as scratch:
        opened = Sqlite(scratch / STORE) if store is None else open_store(store)
        answer = opened.prepare()
        if not isinstance(answer, Stored):
            raise Failure(Exit.STORE, "store-away", f"the database cannot be used: {answer.reason}")
        world = Run(scenario, seed, opened, Files(scratch, scratch / "notes.db", scratch / "rules.yaml"), faults)
        world.step_s = _step_s(pace)
        control = Control(folder, lambda asked: _obey(asked, world, pace))
        try:
            facts = world.go(lambda: _keep(world, pace, watch))
            world.notes.say(store=store)
        finally:
            control.close()
            world.close()
            opened.close()
            for name in ("notes.db", STORE):
                _bring(scratch / name, folder)
    return facts


def _bring(path: Path, folder: Path) -> None:
    """Take a database to the folder, whole: what stands in its log alone would stay behind."""
    if path.exists():
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.move(path, folder / path.name)


def _keep(world: Run, pace: Pace, watch: Callable[[Run], None]) -> bool:
    watch(world)
    world.step_s = _step_s(pace)
    return pace.keep(world.clock.now_s)


def _step_s(pace: Pace) -> float:
    """Ten steps a second of the wall, so that orders are obeyed at once, but none shorter than worth while."""
    return STEP_S if pace.factor is None else min(STEP_S, max(0.1, pace.factor / 10))


def _obey(asked: dict[str, Any], world: Run, pace: Pace) -> dict[str, Any]:
    """One order of `sim ctl`. Faults are handed to the run's own thread by its clock."""
    verb = asked.get("do")
    if verb in ("pause", "resume", "stop"):
        getattr(pace, verb)()
    elif verb == "speed":
        pace.change(factor_of(str(asked.get("to"))))
    elif verb == "fault":
        text = str(asked.get("text"))
        order = world.scenario.orders((text,))[-1]
        if order.text in world.scenario.never((text,)):
            return {"error": f"{text} strikes nobody: the run ends before, or there is no such station"}
        world.inbox.append(lambda: strike_now(world, order))
    elif verb != "status":
        return {"error": f"{verb!r} is not pause, resume, stop, speed, fault or status"}
    return {
        "done": round(world.done, 4), "simulated_s": round(world.clock.now_s), "paused": pace.paused,
        "speed": "max" if pace.factor is None else f"{pace.factor:g}x", **world.tap.counts,
    }  # fmt: skip
