"""`lamppost query`: what a station measured, what it means under a standard, and how far it can be trusted."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from collector.cli import DEFAULT_CONFIG, load_settings, time_of
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.station_query import Concentration, IndexRow


def query(
    node: str = typer.Argument(..., help="The station's node, such as lp-0001."),
    every: str = typer.Option("1h", "--every", help="Windows of 1m, 1h or 1d."),
    since: str | None = typer.Option(None, "--since", help="From this time; default: the last 24 windows."),
    until: str | None = typer.Option(None, "--until", help="Up to this time; default: now."),
    quantity: list[str] = typer.Option([], "--quantity", help="Only this quantity; may be given again."),
    standard: str | None = typer.Option(
        None, "--standard", help="china, china-2012, china-2026, us, eu, uk or all; default: what the station reports."
    ),
    config: Path = typer.Option(DEFAULT_CONFIG, "--config", "-c", help="The collector's settings file."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout."),
) -> None:
    """Concentrations, the index with its standard and edition, completeness and flags of one station.

    Example:  lamppost query lp-0001 --every 1d --since 2026-03-01 --standard china
    """
    from collector.collector import make_store
    from collector.reporting import NAMES, is_of
    from collector.station_query import EVERY, concentrations, indices
    from collector.stores.store import StoreDown

    if every not in EVERY:
        raise Failure(Exit.USAGE, "window-unknown", f"--every {every}", f"name one of {', '.join(EVERY)}")
    settings = load_settings(config)
    reporting = settings.reporting()(node)
    length_ms = {"1m": 60_000, "1h": 3_600_000, "1d": 86_400_000}[every]
    until_ms = time_of(until, reporting.zone.key) if until else time.time_ns() // 1_000_000
    since_ms = time_of(since, reporting.zone.key) if since else until_ms - 24 * length_ms
    wanted = standard or reporting.standards[0]
    if wanted != "all" and wanted.partition("-")[0] not in NAMES:
        raise Failure(Exit.USAGE, "standard-unknown", f"--standard {wanted}", f"name one of {', '.join(NAMES)}, all")
    store = make_store(settings)
    try:
        air = concentrations(store, node, every, since_ms, until_ms, tuple(quantity))
        found = [] if every == "1m" else indices(store, node, every, since_ms, until_ms)
    except StoreDown as error:
        raise Failure(Exit.STORE, "store-down", str(error)) from error
    finally:
        store.close()
    if wanted != "all":
        found = [row for row in found if is_of(wanted, row.standard, row.edition)]
    if as_json:
        said = {"node": node, "every": every, "time_zone": reporting.zone.key, "gas_state": reporting.gas_state}
        lists = {"concentrations": [asdict(row) for row in air], "indices": [asdict(row) for row in found]}
        typer.echo(json.dumps(said | lists, ensure_ascii=False))
        return
    _tell(air, found, reporting.zone, f"{reporting.gas_state[:-1]} °C")


def _tell(air: list[Concentration], found: list[IndexRow], zone: ZoneInfo, gas_state: str) -> None:
    from wire.quantities import QUANTITIES

    def at(time_ms: int) -> str:
        return datetime.fromtimestamp(time_ms / 1000, zone).strftime("%Y-%m-%d %H:%M")

    typer.echo(f"times: {zone.key}, start of the window; gases at {gas_state}, 1013.25 hPa")
    typer.echo(
        f"{'time':16}  {'sensor':12} {'quantity':10} {'mean':>9} {'min':>8} {'max':>8} {'n':>4} {'there':>6}  flags"
    )
    for row in air:
        low, high = ("" if value is None else f"{value:g}" for value in (row.low, row.high))
        there = "" if row.completeness is None else f"{row.completeness:.0%}"
        marks = " ".join(filter(None, ("" if row.qc in (None, 1) else f"qc {row.qc}", row.flags)))
        unit = QUANTITIES[row.quantity].unit
        cells = f"{row.mean:>9.4g} {low:>8} {high:>8} {row.n if row.n is not None else '':>4} {there:>6}"
        typer.echo(f"{at(row.time_ms)}  {row.sensor:12} {row.quantity:10} {cells}  {unit} {marks}".rstrip())
    for index in found:
        number = "" if index.value is None else f"{index.value} "
        what = f"{index.standard} {index.edition}: {number}{index.category}"
        due = "" if index.primary == "-" else f", {index.primary}"
        typer.echo(f"{at(index.time_ms)}  {index.sensor:12} {what}{due} ({index.completeness:.0%} there)")
    if not air and not found:
        typer.echo("nothing is stored for that time")
