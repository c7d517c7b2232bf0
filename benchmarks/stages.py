"""Where a collector's time goes: CPU microseconds a point by stage, from payload to acknowledgement.

    python -m benchmarks.stages [--nodes 100] [--batches 6] [--rows 60] [--profile]

A point is a row of 8 fields. The starter rules and all flags are on. Database and broker are stand-ins that take
everything at once: what is measured is what the collector itself spends. The client of the broker: benchmarks.clients.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.traffic import fleet
from collector import collector
from collector.alerts import alerting, watch
from collector.broker.inbox import Arrived
from collector.config import Config, SqliteStore
from collector.delivery import ingest
from collector.memory import calm_garbage_collector
from collector.numbers import calibration, derive, quality, rollups
from collector.stores.line_protocol import lines
from collector.stores.store import Answer, Row, Select, Series, Store, Stored, Table
from wire import ack, batch, check, names
from wire.collector_status import State

STARTER = Path(collector.__file__).parent / "rules" / "starter.yaml"
OTHER = "steps between"
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("decode", batch, "read"),
    ("digest", batch, "digest"),
    ("check", check, "check"),
    ("tables", derive.Derivation, "tables"),
    ("quality", quality.Quality, "codes"),
    ("calibration", calibration.Calibrations, "derive"),
    ("line protocol", ingest.Ingest, "_queue"),
    ("write", ingest.Ingest, "write"),
    ("rules", watch.Watch, "observe"),
    ("rules: tick and save", alerting.Alerting, "tick"),
    ("roll-ups", rollups.Rollups, "observe"),
    ("roll-ups: step", rollups.Rollups, "step"),
    ("acknowledge", ack, "encode"),
)


class Stopwatch:
    """CPU time by stage; a stage inside another is its own."""

    def __init__(self) -> None:
        self.spent_ns: Counter[str] = Counter()
        self._stack = [OTHER]
        self._since_ns = 0
        self._undo: list[tuple[Any, str, Any]] = []

    def watch(self, stage: str, owner: Any, name: str) -> None:
        """Count what `owner.name` spends for `stage`."""
        inner: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._turn(stage)
            try:
                return inner(*args, **kwargs)
            finally:
                self._turn(None)

        self._undo.append((owner, name, inner))
        setattr(owner, name, watched)

    def __enter__(self) -> Stopwatch:
        self._since_ns = time.thread_time_ns()
        return self

    def __exit__(self, *_: object) -> None:
        self._book()
        for owner, name, inner in reversed(self._undo):
            setattr(owner, name, inner)

    def _turn(self, stage: str | None) -> None:
        self._book()
        if stage is None:
            self._stack.pop()
        else:
            self._stack.append(stage)

    def _book(self) -> None:
        now_ns = time.thread_time_ns()
        self.spent_ns[self._stack[-1]] += now_ns - self._since_ns
        self._since_ns = now_ns


class Sink(Store):
    """A database that takes everything and knows nothing; rows are lines, as for InfluxDB."""

    name = "sink"

    def __init__(self) -> None:
        self.rows = 0
        self.bytes = 0

    def prepare(self) -> Answer:
        return Stored()

    def render(self, table: Table) -> list[Row]:
        return lines(table)

    def write(self, rows: Sequence[Row]) -> Answer:
        self.rows += len(rows)
        self.bytes += len(b"\n".join(rows))
        return Stored()

    def select(self, question: Select) -> list[Series]:  # noqa: ARG002
        return []

    def remove(self, measurement: str) -> None:
        pass

    def keep_for(self, days: int | None) -> None:
        pass

    def close(self) -> None:
        pass


class Tray:
    """Stands where the link stands: gives what was put in, and lets go of what is published."""

    connection = 1

    def __init__(self) -> None:
        self.waiting: list[Arrived] = []

    def take(self, timeout_s: float = 0.0, count: int = 1000, live: bool = False) -> list[Arrived]:  # noqa: ARG002
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken

    def publish(self, *_: Any, **__: Any) -> None:
        pass

    def publish_all(self, *_: Any) -> None:
        pass

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def wake(self) -> None:
        pass


class Desk:
    """A collector that is fed by hand; its clock is that of the readings."""

    def __init__(self, folder: Path, store: Store | None = None) -> None:
        config = Config(
            store=SqliteStore(kind="sqlite", path=folder / "unused.db"),
            state_file=folder / "state.db",
            rules=[STARTER],
        )
        self.sink = Sink()
        self.tray = Tray()
        self.collector = collector.Collector(config, store=store or self.sink, link=self.tray)  # type: ignore[arg-type]
        self.collector.turn.standby.state = State.ACTIVE  # alone, and not for a second's listening

    def feed(self, messages: list[Arrived], now_ms: int) -> None:
        """Rounds of the collector until these messages are answered."""
        self.tray.waiting = messages
        while self.tray.waiting or self.collector.ingest.pending_rows():
            self.collector.step(now_ms)


class Course:
    """A fleet's batches on their way through a collector. The first of every node, which enlists its series, is run
    at once and counts for nothing; `run` takes the rest."""

    def __init__(self, folder: Path, nodes: int, batches: int, rows: int, store: Store | None = None) -> None:
        self.points = nodes * batches * rows
        self._senders = list(fleet(nodes, batches + 1, rows))
        self._turns = range(1, batches + 1)
        self._desk = Desk(folder, store)
        births = [Arrived(names.status(sender.node), sender.birth(), True) for sender, _ in self._senders]
        self._desk.feed(births, self._now_ms(0))
        self._feed(0)
        calm_garbage_collector()

    def run(self) -> None:
        """All batches, a round for each."""
        for turn in self._turns:
            self._feed(turn)
        counts = self._desk.collector.ingest.counts
        assert counts["stored_rows"] == self.points // len(self._turns) * (len(self._turns) + 1), counts

    def _feed(self, turn: int) -> None:
        messages = [Arrived(names.data(sender.node), sealed[turn], False) for sender, sealed in self._senders]
        self._desk.feed(messages, self._now_ms(turn))

    def _now_ms(self, turn: int) -> int:
        sender = self._senders[0][0]
        return sender.first_ms + (turn + 1) * sender.rows * sender.interval_ms + 1000


def us_per_point(folder: Path, nodes: int, batches: int, rows: int) -> float:
    """CPU microseconds a point, all stages together."""
    course = Course(folder, nodes, batches, rows)
    start_ns = time.thread_time_ns()
    course.run()
    return (time.thread_time_ns() - start_ns) / 1000 / course.points


def by_stage(folder: Path, nodes: int, batches: int, rows: int) -> dict[str, float]:
    """CPU microseconds a point by stage; looking at the clock adds a few tenths in all."""
    course = Course(folder, nodes, batches, rows)
    watch = Stopwatch()
    for stage, owner, name in STAGES:
        watch.watch(stage, owner, name)
    with watch:
        course.run()
    return {stage: ns / 1000 / course.points for stage, ns in watch.spent_ns.items()}


def profile(folder: Path, nodes: int, batches: int, rows: int) -> None:
    """Print where the time goes by function."""
    course = Course(folder, nodes, batches, rows)
    profiler = cProfile.Profile()
    profiler.runcall(course.run)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    sizes = (args.nodes, args.batches, args.rows)
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        if args.profile:
            profile(Path(first), *sizes)
            return
        for stage, us in sorted(by_stage(Path(first), *sizes).items(), key=lambda item: -item[1]):
            print(f"{stage:24} {us:7.3f} µs a point")
        print(
            f"{'all, unwatched':24} {us_per_point(Path(second), *sizes):7.3f} µs a point of batches of {args.rows} rows"
        )


if __name__ == "__main__":
    main()
