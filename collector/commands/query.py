"""`lamppost query`: what a station measured and how far it can be trusted, and the canned questions of operators."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from zoneinfo import ZoneInfo

import typer

from collector.commands.node import must_be_known
from collector.commands.options import CONFIG, JSON, load_settings, meant, open_store, show_json
from collector.commands.times import clock_of, span_of
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config
    from collector.stations.station_query import Concentration, IndexRow
    from collector.stores.store import Select

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

SINCE = typer.Option("24h", "--since", help="A length of time (24h, 30d) or a date or time (2026-03-01).")
UNTIL = typer.Option(None, "--until", help="Up to this date or time; default: now.")
VARIABLE = typer.Option([], "--var", help="A variable as name=value; may be given again. `query list` names them.")


@app.command()
def station(
    node: str = typer.Argument(..., help="The station's node, such as lp-0001."),
    every: str = typer.Option("1h", "--every", help="Windows of 1m, 1h or 1d."),
    since: str | None = typer.Option(
        None, "--since", help="A length of time (7d) or a date or time; default: the last 24 windows."
    ),
    until: str | None = typer.Option(None, "--until", help="Up to this time; default: now."),
    quantity: list[str] = typer.Option([], "--quantity", help="Only this quantity; may be given again."),
    standard: str | None = typer.Option(
        None, "--standard", help="china, china-2012, china-2026, us, eu, uk or all; default: what the station reports."
    ),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Concentrations, index, completeness and flags of one station. The index is told with its standard and edition.

    Example:  lamppost query station lp-0001 --every 1d --since 2026-03-01 --standard china
    """
    from collector.numbers.reporting import Standard, is_of
    from collector.stations.station_query import AIR, EVERY, concentrations, indices

    if every not in EVERY:
        raise Failure(Exit.USAGE, "window-unknown", f"--every {every}", f"name one of {', '.join(EVERY)}")
    settings = load_settings(config)
    reporting = settings.reporting()(node)
    since_ms, until_ms = span_of(since or {"1m": "24m", "1h": "24h", "1d": "24d"}[every], until, reporting.zone.key)
    wanted = standard or reporting.standards[0]
    if wanted not in (known := (*get_args(Standard), "all")):
        raise Failure(Exit.USAGE, "standard-unknown", f"--standard {wanted}", f"name one of {', '.join(known)}")
    for name in quantity:
        if name not in AIR:
            cure = meant(name, AIR, f"name one of {', '.join(AIR)}")
            raise Failure(Exit.USAGE, "quantity-unknown", f"--quantity {name}: air has no windows of it", cure)
    with open_store(settings) as store:
        air = concentrations(store, node, reporting.zone, every, since_ms, until_ms, tuple(quantity))
        found = [] if every == "1m" else indices(store, node, every, since_ms, until_ms)
    if not air and not found:
        must_be_known(settings, node)
    if wanted != "all":
        found = [row for row in found if is_of(wanted, row.standard, row.edition)]
    if as_json:
        said = {"node": node, "every": every, "time_zone": reporting.zone.key, "gas_state": reporting.gas_state}
        lists = {"concentrations": [asdict(row) for row in air], "indices": [asdict(row) for row in found]}
        show_json(said | lists)
        return
    _tell(air, found, reporting.zone, f"{reporting.gas_state[:-1]} °C")


def _tell(air: list[Concentration], found: list[IndexRow], zone: ZoneInfo, gas_state: str) -> None:
    from wire.quantities import QUANTITIES

    at = clock_of(zone.key)

    typer.echo(f"times: {zone.key}, start of the window; gases at {gas_state}, 1013.25 hPa")
    numbers = f"{'mean':>9} {'min':>8} {'max':>8} {'n':>4} {'there':>6}"
    typer.echo(f"{'time':16}  {'sensor':12} {'quantity':10} {numbers}  {'unit':6} flags")
    for row in air:
        low, high = ("" if value is None else f"{value:g}" for value in (row.low, row.high))
        there = "" if row.completeness is None else f"{row.completeness:.0%}"
        marks = " ".join(filter(None, ("" if row.qc in (None, 1) else f"qc {row.qc}", row.flags)))
        unit = QUANTITIES[row.quantity].unit
        cells = f"{row.mean:>9.4g} {low:>8} {high:>8} {row.n if row.n is not None else '':>4} {there:>6}"
        typer.echo(f"{at(row.time_ms)}  {row.sensor:12} {row.quantity:10} {cells}  {unit:6} {marks}".rstrip())
    for index in found:
        number = "" if index.value is None else f"{index.value} "
        what = f"{index.standard} {index.edition}: {number}{index.category}"
        due = "" if index.primary == "-" else f", {index.primary}"
        typer.echo(f"{at(index.time_ms)}  {index.sensor:12} {what}{due} ({index.completeness:.0%} there)")
    if not air and not found:
        typer.echo("nothing is stored for that time; an hour or day appears once it has ended, minutes with --every 1m")


@app.command("list")
def list_(_: Path = CONFIG, as_json: bool = JSON) -> None:
    """The canned questions and their variables.

    Example:  lamppost query list
    """
    from collector.questions.canned import CANNED

    if as_json:
        told = [
            {"name": q.name, "en": q.en, "zh": q.zh, "variables": list(q.variables), "defaults": q.defaults or {}}
            for q in CANNED.values()
        ]
        show_json(told)
        return
    for question in CANNED.values():
        given = question.defaults or {}
        variables = " ".join(f"{name}={given[name]}" if name in given else name for name in question.variables)
        typer.echo(f"{question.name:<11} {question.en}\n{'':11} {question.zh}   [{variables}]")


@app.command()
def show(
    name: str = typer.Argument(..., help="The question's name."),
    variable: list[str] = VARIABLE,
    since: str = SINCE,
    until: str | None = UNTIL,
    config: Path = CONFIG,
) -> None:
    """A question in InfluxQL, Flux and SQL, ready to paste. InfluxQL is what `run` asks.

    Example:  lamppost query show windows --var quantity=no2_ugm3 --since 7d
    """
    from collector.questions import flux, sql
    from collector.stores import influxql

    settings = load_settings(config) if config.exists() else None
    select = _select(name, variable, since, until, settings)
    bucket = getattr(settings.store, "bucket", "lamppost") if settings else "lamppost"
    typer.echo("-- InfluxQL: InfluxDB 1, 2 and 3; `lamppost query run` asks this\n" + influxql.render(select))
    typer.echo("\n// Flux: InfluxDB 2. Not run by Lamppost itself\n" + flux.render(select, bucket))
    typer.echo("\n-- SQL: InfluxDB 3. Checked on DataFusion, the engine inside it\n" + sql.render(select))


@app.command()
def run(
    name: str = typer.Argument(..., help="The question's name; `lamppost query list` has them all."),
    variable: list[str] = VARIABLE,
    since: str = SINCE,
    until: str | None = UNTIL,
    output: str = typer.Option("table", "--output", "-o", help="table, csv or json."),
    limit: int = typer.Option(100_000, "--limit", min=1, help="At most this many rows; more are named on stderr."),
    as_json: bool = typer.Option(False, "--json", help="The same as -o json."),
    config: Path = CONFIG,
) -> None:
    """Ask a canned question. Counts under 5 are shown: this is the operator's view, exports and pages mask them.

    Examples:  lamppost query run highest --var quantity=pm10_ugm3 --since 365d
               lamppost query run traffic --var node=lp-0001 --since 2026-03-01 -o csv > march.csv
    """
    from collector.questions import answer

    form = "json" if as_json else output
    if form not in answer.FORMS:
        raise Failure(Exit.USAGE, "output-unknown", f"--output {form}", f"name one of {', '.join(answer.FORMS)}")
    settings = load_settings(config)
    select = _select(name, variable, since, until, settings)
    with open_store(settings) as store:
        found = answer.rows(select, store.select(select), ZoneInfo(settings.web.time_zone))
    for what in ("node", "site", "sensor") if not found.rows else ():
        if isinstance(word := select.where.get(what), str):
            must_be_known(settings, word, what)
    for line in answer.FORMS[form](found, limit):
        typer.echo(line)
    if len(found.rows) > limit:
        typer.echo(f"{limit} of {len(found.rows)} rows; narrow the time or raise --limit", err=True)
    if form == "table" and not found.rows:
        typer.echo(nothing(select, settings.web.time_zone), err=True)


def nothing(select: Select, zone: str) -> str:
    """Why an answer is empty, as far as the question itself tells."""
    at = clock_of(zone)
    span = f"from {at(select.since_ms or 0)} to {at(select.until_ms or 0)}"
    period = select.where.get("period") or select.measurement.rpartition("_")[2]
    why = {
        "1h": "; an hour appears once it has ended",
        "1d": "; a day appears once it has ended, hours are asked for with --var every=1h; of air and weather it is"
        " made of hours with readings in 45 minutes",
    }.get(str(period), "")
    return f"nothing is stored for that {span}{why}"


def _select(name: str, variables: list[str], since: str, until: str | None, settings: Config | None) -> Select:
    from collector.questions.canned import CANNED
    from collector.questions.question import BadVariable

    question = CANNED.get(name)
    if question is None:
        cure = meant(name, CANNED, "lamppost query list")
        raise Failure(Exit.USAGE, "question-unknown", f"there is no question {name}", cure)
    given = dict(part.partition("=")[::2] for part in variables)
    since_ms, until_ms = span_of(since, until, settings.web.time_zone if settings else "Asia/Shanghai")
    try:
        return question.ask(since_ms, until_ms, given)
    except BadVariable as error:
        raise Failure(Exit.USAGE, "variable-invalid", str(error), "lamppost query list names them") from error
