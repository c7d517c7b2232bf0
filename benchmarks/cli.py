"""`lamppost bench`: every figure that the documentation names, measured on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

import typer

from benchmarks.figure import Figure


def bench(
    as_json: bool = typer.Option(False, "--json", help="One JSON line a figure: name, value, unit, ratio_to, ratio."),
    only: str | None = typer.Option(None, "--only", help="Parts, by commas: hot-path, flags, rules, wire, spool, "
                                    "start-up, agent, stores, v2-path, latency."),
    points: int = typer.Option(150_000, "--points", help="Points of a run through a whole collector.", min=5_000),
    repeat: int = typer.Option(3, "--repeat", help="Runs of which the median is told.", min=1),
    seconds: float = typer.Option(60, "--seconds", help="How long an agent is watched.", min=5),
) -> None:  # fmt: skip
    """Measure everything: the collector's hot path, whole collectors beside their database, the agent, bytes, start-up.

    Needs mosquitto and influxdb (and victoria-metrics for the v2 path); takes less than ten minutes. What else runs on
    the machine shows in times, less in CPU, least in ratios. How each figure is meant: docs/performance.md.

    Example:  lamppost bench --only hot-path,flags --json
    """
    parts = _parts(points, repeat, seconds)
    wanted = list(parts) if only is None else [word.strip() for word in only.split(",")]
    unknown = [word for word in wanted if word not in parts]
    if unknown:
        raise typer.BadParameter(f"no part {unknown[0]!r}; there are {', '.join(parts)}", param_hint="--only")
    for part in wanted:
        print(f"{part} ...", file=sys.stderr)
        for figure in parts[part]():
            print(json.dumps(figure.as_json(), ensure_ascii=False) if as_json else _line(figure), flush=True)


def _parts(points: int, repeat: int, seconds: float) -> dict[str, Callable[[], Iterator[Figure]]]:
    from benchmarks import agents, small, whole

    return {
        "hot-path": small.hot_path,
        "flags": small.flags,
        "rules": small.rules,
        "wire": small.wire,
        "spool": small.spool,
        "start-up": small.start_up,
        "agent": lambda: iter(agents.measure(seconds)),
        "stores": lambda: whole.stores(points, repeat),
        "v2-path": whole.v2_path,
        "latency": lambda: whole.latency(points),
    }


def _line(figure: Figure) -> str:
    text = f"{figure.name:58} {figure.value:12,.3f} {figure.unit}"
    if figure.budget is not None:
        text += f"  (budget {figure.budget})"
    if figure.ratio is not None:
        text += (
            f"  {figure.ratio:.3f} x {figure.ratio_to}"
            if figure.ratio_to == "the calibration loop"
            else (f"  {figure.ratio:.3f} of {figure.ratio_to}")
        )
    return text
