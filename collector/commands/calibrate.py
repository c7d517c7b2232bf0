"""`lamppost calibrate`: from a co-location to corrected values, with every step on record."""

from __future__ import annotations

import sqlite3
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collector.clock import wall_ms
from collector.commands.node import must_be_called, state_of
from collector.commands.options import CONFIG, JSON, counted, load_settings, meant, open_store, show_json, this_person
from collector.commands.times import clock_of, span_of, time_of
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config
    from collector.numbers.calibration import Record
    from collector.numbers.colocation import Fit

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command()
def fit(
    file: Path = typer.Argument(..., help="CSV with a column of the sensor and one of the reference instrument."),
    node: str = typer.Option(..., "--node"),
    sensor: str = typer.Option(..., "--sensor"),
    quantity: str = typer.Option(..., "--quantity", help="What is corrected, such as pm25_ugm3."),
    since: str = typer.Option(..., "--from", help="In force from this time on, such as 2026-03-01."),
    sensor_column: str = typer.Option("sensor", "--sensor-column", help="Its raw values, in the sensor's own unit."),
    reference_column: str = typer.Option("reference", "--reference-column", help="In the unit of the quantity."),
    try_only: bool = typer.Option(False, "--try", help="Show the line and keep nothing."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Fit a line to a co-location and keep it as a new record. Stored values change with `apply` alone.

    Example:  lamppost calibrate fit pole7.csv --node lp-0007 --sensor air-1 --quantity pm25_ugm3 --from 2026-03-01
    """
    from collector.numbers import colocation
    from collector.numbers.calibration import Record, per_raw
    from wire.quantities import QUANTITIES

    settings = load_settings(config)
    _must_be_names(node, sensor)
    raw = _raw_of(quantity)
    factor = per_raw(raw, settings.reporting()(node)) or 1.0
    line = _fitted(file, sensor_column, reference_column, quantity, factor)
    told = line.text(QUANTITIES[quantity].unit)
    good = colocation.R2_GOOD_OF.get(quantity, colocation.R2_GOOD)
    if line.r2 < good:
        typer.echo(f"warning: R² {line.r2:.2f}; below {good} a sensor says little of its reference", err=True)
    record = Record(
        node, sensor, quantity, time_of(since, settings.web.time_zone), wall_ms(), this_person(),
        "linear", line.slope, line.offset, f"{file.name}: {told}",
    )  # fmt: skip
    if not try_only:
        with state_of(settings) as state:
            record = _keep(state, "fit", record)
    if as_json:
        show_json({"kept": not try_only, **_shown(record)})
    else:
        typer.echo(told)
        typer.echo("nothing was kept" if try_only else _kept(record, since))


def _fitted(file: Path, sensor_column: str, reference_column: str, quantity: str, factor: float) -> Fit:
    """The line of a co-location, its raw values times `factor`. Raises Failure."""
    from collector.numbers import colocation

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:  # Excel begins a CSV with a byte order mark
            found = colocation.pairs(lines, sensor_column, reference_column, quantity)
        return colocation.fit(found, factor)
    except OSError as error:
        raise Failure(Exit.USAGE, "file-unreadable", f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Failure(Exit.USAGE, "file-unreadable", f"{file} is not UTF-8", "save it as CSV UTF-8") from error
    except colocation.NoFit as error:
        raise Failure(Exit.USAGE, "no-fit", f"{file}: {error}") from error


@app.command("set")
def set_(
    node: str = typer.Option(..., "--node"),
    sensor: str = typer.Option(..., "--sensor"),
    quantity: str = typer.Option(..., "--quantity", help="What is corrected, such as pm25_ugm3."),
    since: str = typer.Option(..., "--from", help="In force from this time on, such as 2026-03-01."),
    slope: float = typer.Option(1.0, "--slope"),
    offset: float = typer.Option(0.0, "--offset", help="In the unit of the quantity."),
    source: str = typer.Option("", "--source", help="Where the numbers come from, for the record."),
    config: Path = CONFIG,
) -> None:
    """Keep a line that was found elsewhere. Without numbers, values are from then on what the sensor says.

    So ends a calibration, as when the sensor was exchanged: a record holds for the name, not for the unit behind it.

    Examples:  lamppost calibrate set --node lp-0007 --sensor air-1 --quantity no2_ugm3 --slope 0.91 --from 2026-03-01
               lamppost calibrate set --node lp-0007 --sensor air-1 --quantity pm25_ugm3 --from 2026-09-14T10:30
    """
    from collector.numbers.calibration import Record

    settings = load_settings(config)
    _must_be_names(node, sensor)
    _raw_of(quantity)
    if not (0 < slope < inf and abs(offset) < inf):
        told = f"--slope {slope:g} --offset {offset:g}"
        raise Failure(Exit.USAGE, "number-unfit", told, "a slope is above 0, and both are finite")
    record = Record(
        node, sensor, quantity, time_of(since, settings.web.time_zone), wall_ms(), this_person(),
        "linear", slope, offset, source,
    )  # fmt: skip
    with state_of(settings) as state:
        record = _keep(state, "set", record)
    typer.echo(_kept(record, since))


@app.command()
def formula(
    name: str = typer.Argument(..., help="us-wide-2021 or fire-and-smoke-2021."),
    node: str = typer.Option(..., "--node"),
    sensor: str = typer.Option(..., "--sensor"),
    since: str = typer.Option(..., "--from", help="In force from this time on, such as 2026-03-01."),
    config: Path = CONFIG,
) -> None:
    """Correct PM2.5 by a published formula with humidity. It needs the sensor's own humidity beside it.

    us-wide-2021 is fitted on the value with CF=1 and reads it where the sensor tells it (cal_id then ends in @cf1);
    fire-and-smoke-2021 reads the value for the atmosphere.

    Example:  lamppost calibrate formula us-wide-2021 --node lp-0007 --sensor air-1 --from 2026-03-01
    """
    from collector.numbers.calibration import FITTED_ON, FORMULAS, Record

    settings = load_settings(config)
    _must_be_names(node, sensor)
    if name not in FORMULAS:
        raise Failure(Exit.USAGE, "formula-unknown", f"{name} is not known", f"name one of {', '.join(FORMULAS)}")
    start_ms = time_of(since, settings.web.time_zone)
    read = " or ".join((*FITTED_ON.get(name, ())[:1], "pm25_raw_ugm3"))
    record = Record(
        node, sensor, "pm25_ugm3", start_ms, wall_ms(), this_person(), name, source=f"of {read}: {name}"  # type: ignore[arg-type]
    )  # fmt: skip
    with state_of(settings) as state:
        record = _keep(state, "formula", record)
    typer.echo(_kept(record, since))


@app.command()
def apply(
    since: str = typer.Option(..., "--since", help="Rewrite from this time on, such as 2026-03-01."),
    until: str | None = typer.Option(None, "--until", help="Up to this time; default: now."),
    node: str | None = typer.Option(None, "--node", help="One node; default: all that have records."),
    sensor: str | None = typer.Option(None, "--sensor"),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Correct stored values by the records in force. Every window that they touch is computed anew.

    Example:  lamppost calibrate apply --since 2026-03-01 --node lp-0007
    """
    from collector.numbers.calibration import Calibrations
    from collector.numbers.recalibrate import rewrite
    from collector.numbers.window_book import WindowBook

    settings = load_settings(config)
    span, now_ms = span_of(since, until, settings.web.time_zone), wall_ms()
    with state_of(settings) as state, open_store(settings, "run the same command again: it may be repeated") as store:
        calibrations, book = Calibrations(state), WindowBook(state, owner=False)
        sensors = sorted({(record.node, record.sensor) for record in calibrations.all()})
        sensors = _chosen(settings, sensors, node, sensor)
        rows = hours = left = 0
        try:
            for done in rewrite(store, book, calibrations, settings.reporting(), sensors, span):
                rows, hours, left = rows + done.rows, hours + bool(done.rows), left + done.left
        finally:
            said: dict[str, Any] = {
                "since_ms": span[0], "until_ms": span[1], "rows": rows, "sensor_hours": hours, "left": left,
            }  # fmt: skip
            calibrations.note(now_ms, {"what": "apply", "who": this_person(), "sensors": sensors, **said})
    if as_json:
        show_json(said)
    else:
        due = f"{counted(hours, 'hour')} to be computed anew by the collector"
        typer.echo(f"{counted(rows, 'row')} of {counted(len(sensors), 'sensor')} rewritten; {due}")
        if left:
            those = "1 row is as it was" if left == 1 else f"{left} rows are as they were"
            typer.echo(f"{those}: the formula in force has no value there, as without case_rh_pct")


@app.command("list")
def list_(
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Show every record ever made, oldest first, and what was done with them.

    Example:  lamppost calibrate list
    """
    from collector.numbers.calibration import Calibrations

    settings = load_settings(config)
    with state_of(settings) as state:
        calibrations = Calibrations(state)
        records, audit = calibrations.all(), calibrations.audit()
    if as_json:
        lines = [{"at_ms": at_ms, **what} for at_ms, what in audit]
        show_json({"records": list(map(_shown, records)), "audit": lines})
        return
    clock = clock_of(settings.web.time_zone)
    for record in records:
        what = f"{record.slope:.4g} x {record.offset:+.4g}" if record.formula == "linear" else record.formula
        line = f"{record.name:5} {record.node} {record.sensor} {record.quantity} from {clock(record.from_ms)}: {what}"
        typer.echo(f"{line}  ({', '.join(filter(None, (record.who, record.source)))})")
    if not records:
        typer.echo("no records: what sensors say is stored as it is")


def _chosen(
    settings: Config, with_records: list[tuple[str, str]], node: str | None, sensor: str | None
) -> list[tuple[str, str]]:
    """Those that are named, of all that have records. Raises Failure when a name is given and none is."""
    found = [one for one in with_records if node in (None, one[0]) and sensor in (None, one[1])]
    if found or (node is None and sensor is None):
        return found
    if node is not None and node not in (nodes := [one[0] for one in with_records]):
        must_be_called(settings, node)
        cure = meant(node, nodes, "lamppost calibrate list shows whose there are")
        raise Failure(Exit.USAGE, "no-record", f"{node} has no calibration record", cure)
    of = [one[1] for one in with_records if node in (None, one[0])]
    cure = meant(str(sensor), of, "lamppost calibrate list shows whose there are")
    raise Failure(Exit.USAGE, "no-record", f"sensor {sensor} of {node or 'any node'} has no calibration record", cure)


def _raw_of(quantity: str) -> str:
    """The raw twin of a quantity that is corrected. Raises Failure for any other."""
    from wire.quantities import DERIVED

    found = next((name for name, derived in DERIVED.items() if derived.name == quantity), None)
    if found is None:
        names = ", ".join(derived.name for derived in DERIVED.values())
        raise Failure(Exit.USAGE, "quantity-unknown", f"{quantity} is not corrected", f"name one of {names}")
    return found


def _must_be_names(node: str, sensor: str) -> None:
    """A record stays for ever, and of what is no name it corrects nothing. Raises Failure."""
    from wire.names import is_name, is_node

    if not is_node(node) or not is_name(sensor):
        told = f"--node {node!r} --sensor {sensor!r}"
        raise Failure(Exit.USAGE, "bad-name", told, "names are of a-z, 0-9 and -; lamppost stations show NODE")


def _kept(record: Record, since: str) -> str:
    """That it was, and what to do about the readings that are stored: of one that is to come there are none."""
    apply_it = f"now: lamppost calibrate apply --since {since}"
    return f"kept as {record.name}; {'in force from then on' if record.from_ms > record.made_ms else apply_it}"


def _keep(state: sqlite3.Connection, what: str, record: Record) -> Record:
    """The record as it is kept, with its name; the trail of calibrations says so."""
    from collector.delivery.registry import Registry
    from collector.numbers.calibration import Calibrations

    calibrations, station = Calibrations(state), Registry(state).get(record.node)
    if station is None or record.sensor not in (sensor.name for sensor in station.birth.sensors):
        typer.echo(f"warning: {record.node} has announced no sensor {record.sensor} so far", err=True)
    record = calibrations.add(record)
    calibrations.note(wall_ms(), {"what": what, "who": record.who, "record": record.name, **_shown(record)})
    return record


def _shown(record: Record) -> dict[str, Any]:
    from dataclasses import asdict

    return {"id": record.name, **asdict(record)}
