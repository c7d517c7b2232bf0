"""`lamppost bench`: every figure that the documentation names, measured on this machine."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import typer

from benchmarks.figure import Figure

DRAIN_DAYS = 2.0
PROFILED = 25


def bench(
    as_json: bool = typer.Option(False, "--json", help="One JSON line a figure: name, value, unit, ratio_to, ratio."),
    only: str | None = typer.Option(None, "--only", help="Parts, by commas: hot-path, flags, rules, wire, spool, "
                                    "start-up, agent, latency, stores, v2-path, answers, turn, memory, others."),
    points: int = typer.Option(150_000, "--points", help="Points of a run through a whole collector.", min=5_000),
    repeat: int = typer.Option(3, "--repeat", help="Runs of which the median is told.", min=1),
    seconds: float = typer.Option(30, "--seconds", help="How long an agent, ages and memory are watched, each.", min=5),
    profile: bool = typer.Option(False, "--profile", help="Where each part's time goes in this process, on stderr."),
) -> None:  # fmt: skip
    """Measure this machine: collector, database, agent, bytes on the wire, start-up.

    Needs mosquitto and influxdb (and victoria-metrics for the v2 path; telegraf and node-red have rows when they are on
    the PATH); takes five to ten minutes. What else runs on the machine shows in times, less in CPU, least in ratios.
    How each figure is meant: docs/performance.md.

    Examples:  lamppost bench
               lamppost bench --only hot-path,flags --json
               lamppost bench --only hot-path --profile        # the functions that cost most
               lamppost bench --only latency --seconds 120     # from a sensor's last byte to a stored point
    """
    parts = _parts(points, repeat, seconds)
    wanted = list(parts) if only is None else [word.strip() for word in only.split(",")]
    unknown = [word for word in wanted if word not in parts]
    if unknown:
        raise typer.BadParameter(f"no part {unknown[0]!r}; there are {', '.join(parts)}", param_hint="--only")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends the bench ends its servers with it
    for part in wanted:
        print(f"{part} ...", file=sys.stderr)
        began_s = time.monotonic()
        with _profiled() if profile else nullcontext():
            for figure in parts[part]():
                print(json.dumps(figure.as_json(), ensure_ascii=False) if as_json else _line(figure), flush=True)
        print(f"{part}: {time.monotonic() - began_s:.0f} s", file=sys.stderr)


@contextmanager
def _profiled() -> Iterator[None]:
    """What a part spends in this process (whole programs run in their own), the most expensive functions first."""
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.enable()
    yield
    profiler.disable()
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(PROFILED)


def _parts(points: int, repeat: int, seconds: float) -> dict[str, Callable[[], Iterator[Figure]]]:
    from benchmarks import agents, flat, latency, others, small, turn, whole

    return {
        "hot-path": small.hot_path,
        "flags": small.flags,
        "rules": small.rules,
        "wire": small.wire,
        "spool": small.spool,
        "start-up": small.start_up,
        "agent": lambda: iter(agents.measure(seconds)),
        "latency": lambda: latency.measure(seconds, DRAIN_DAYS),
        "stores": lambda: whole.stores(points, repeat),
        "v2-path": whole.v2_path,
        "answers": lambda: whole.latency(points),
        "turn": turn.figures,
        "memory": lambda: flat.figures(seconds / 2),
        "others": lambda: others.figures(points, repeat),
    }


def _line(figure: Figure) -> str:
    text = f"{figure.name:66} {figure.value:12,.3f} {figure.unit}"
    if figure.budget is not None:
        text += f"  (budget {figure.budget})"
    if figure.ratio is not None:
        text += (
            f"  {figure.ratio:.3f} x {figure.ratio_to}"
            if figure.ratio_to == "the calibration loop"
            else (f"  {figure.ratio:.3f} of {figure.ratio_to}")
        )
    return text
