"""`lamppost rules`: check rules, test them on made-up series, play history through them, explain one decision."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from collector.clock import wall_ms
from collector.commands.duty import open_book
from collector.commands.node import nothing_of, state_of
from collector.commands.options import (
    CONFIG,
    JSON,
    counted,
    load_settings,
    meant,
    open_store,
    rules_in,
    show_json,
    unreadable,
)
from collector.commands.times import TO_THE_SECOND, clock_of, length_ms, time_of
from wire.exits import Exit, Failure
from wire.times import HOUR_MS

if TYPE_CHECKING:
    from collector.config import Config
    from collector.rules.engine import Expected
    from collector.rules.rule import Rule
    from collector.rules.series import Series
    from collector.rules.transition import Transition
    from collector.stores.store import Store

    History = list[tuple[list[int], dict[str, list[object]]]]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ROOM = Path(__file__).parents[1] / "rules"
STARTER, STARTER_TESTS = ROOM / "starter.yaml", ROOM / "starter.tests.yaml"


@app.command("check")
def rules_check(files: list[Path] = typer.Argument(..., help="Files of rules."), as_json: bool = JSON) -> None:
    """Say whether rules can be used. Everything that is wrong is named with file, line, rule and the nearest valid
    word.

    Exit code 3 when they cannot.   Example:  lamppost rules check rules.yaml
    """
    rules = rules_in(files)
    if as_json:
        rows = [{"alert": rule.alert, "kind": rule.kind, "version": rule.version, "severity": rule.severity}
                for rule in rules]  # fmt: skip
        show_json({"rules": rows})
        return
    typer.echo(f"{', '.join(map(str, files))}: fine, {counted(len(rules), 'rule')}")


@app.command("sample")
def rules_sample(tests: bool = typer.Option(False, "--tests", help="The tests of the sample instead.")) -> None:
    """Print the starter set of rules, or its tests: copy what you want.

    Example:  lamppost rules sample > rules.yaml; lamppost rules sample --tests > rules.tests.yaml
    """
    typer.echo((STARTER_TESTS if tests else STARTER).read_text("utf-8"), nl=False)


@app.command("test")
def rules_test(
    tests: list[Path] = typer.Argument(None, help="Files of tests; default: the starter set's own."),
    rules: list[Path] = typer.Option([], "--rules", "-r", help="Files of rules; default: the starter set."),
    as_json: bool = JSON,
) -> None:
    """Play made-up series through rules, to see that they fire when they should.

    `lamppost rules sample --tests` shows some.

    Exit code 1 when something else fired than was expected.
    Example:  lamppost rules test rules.tests.yaml --rules rules.yaml
    """
    from collector.rules.cases import parse_cases, rehearse
    from collector.rules.complaint import BadRules
    from common.strict_yaml import NotUsable, read

    known = rules_in(rules or [STARTER])
    found: list[tuple[str, list[str]]] = []
    for file in tests or [STARTER_TESTS]:
        try:
            document = read(file)
            cases = parse_cases(document.data, str(file), document.line, [rule.alert for rule in known])
        except OSError as error:
            raise unreadable("tests", error) from error
        except (NotUsable, BadRules) as error:
            raise Failure(Exit.CONFIGURATION, "tests-invalid", str(error), "correct the lines named") from error
        found += [(f"{file}: {case.name}", rehearse(case, known)) for case in cases]
    failed = [(name, told) for name, told in found if told]
    if as_json:
        rows = [{"test": name, "failures": told} for name, told in found]
        show_json({"tests": len(found), "failed": len(failed), "results": rows})
    else:
        for _, told in failed:
            for line in told:
                typer.echo(line)
        typer.echo(f"{len(found) - len(failed)} passed, {len(failed)} failed")
    raise typer.Exit(Exit.NOT_HEALTHY if failed else Exit.FINE)


@app.command("backtest")
def rules_backtest(
    names: list[str] = typer.Argument(..., help="Rules, by name."),
    since: str = typer.Option("30d", "--since", help="How far back: 24h, 30d."),
    node: str | None = typer.Option(None, "--node", help="One node only."),
    rules: list[Path] = typer.Option([], "--rules", "-r", help="Files of rules; default: those of the settings."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """How often rules would have called people, on the history that is stored.

    Example:  lamppost rules backtest pm25-hourly-high --since 30d
    """
    from collector.alerts import stored
    from collector.rules.backtest import SLICE_MS, backtest

    settings = load_settings(config)
    wanted = _named(settings, rules, names)
    now_ms, began_s = wall_ms(), time.monotonic()
    since_ms = now_ms - length_ms(since)
    columns = stored.columns_of(wanted)
    if deaf := [rule.alert for rule in wanted if rule.spec is None]:
        text = f"{', '.join(deaf)}: absent and offline look at what arrives, not at what is stored"
        raise Failure(Exit.USAGE, "nothing-to-play", text, "name rules with a window or a category alone")
    with open_store(settings) as store:
        history = stored.rows(store, columns, since_ms // SLICE_MS * SLICE_MS, now_ms, SLICE_MS, node)
        found = backtest(wanted, history, _inventory(settings))
    spent_s = time.monotonic() - began_s
    times_faster = (now_ms - since_ms) / 1000 / max(spent_s, 0.001)
    if as_json:
        rows = [{"rule": each.rule, "pages": each.pages, "rows": each.rows,
                 "firing_ms": each.firing_ms, "still_ms": each.still_ms,
                 "episodes": [episode._asdict() for episode in each.episodes]} for each in found]  # fmt: skip
        said = {"since_ms": since_ms, "spent_s": round(spent_s, 3), "times_faster": round(times_faster)}
        show_json(said | {"rules": rows})
        return
    clock = clock_of(settings.web.time_zone, TO_THE_SECOND)
    for each in found:
        hours = (each.firing_ms + each.still_ms) / HOUR_MS
        typer.echo(f"{each.rule}: {each.pages} pages in {since}, firing {hours:.1f} h altogether")
        for episode in each.episodes:
            end = "still firing" if episode.end_ms is None else f"until {clock(episode.end_ms)}"
            where = episode.key.split("|")[1]
            typer.echo(f"  {clock(episode.fired_ms)}  {end}  {where}")
    rows_seen = max((each.rows for each in found), default=0)
    typer.echo(f"{rows_seen} rows in {spent_s:.1f} s, {times_faster:,.0f} times real time")


@app.command("explain")
def rules_explain(
    name: str = typer.Argument(..., help="The rule."),
    node: str = typer.Option(..., "--node", help="The node, such as lp-0017."),
    at: str | None = typer.Option(None, "--at", help="When; default: now. 09:40 is today."),
    sensor: str | None = typer.Option(None, "--sensor", help="One sensor only."),
    rules: list[Path] = typer.Option([], "--rules", "-r", help="Files of rules; default: those of the settings."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Why a rule stood as it stood: value, completeness, since when, who was told.

    Example:  lamppost rules explain pm25-hourly-high --node lp-0017 --at 09:40
    """
    from collector.rules.explanation import explain, why_not

    settings = load_settings(config)
    (rule,) = _named(settings, rules, [name])
    if reason := why_not(rule):
        raise Failure(Exit.USAGE, "not-explained", reason, f"lamppost alerts history --rule {name} --node {node}")
    zone = settings.reporting()(node).zone
    at_ms = wall_ms() if at is None else _moment(at, zone)
    with open_store(settings) as store:
        found = _history(store, rule, node, sensor, at_ms)
        fired = {series: _standing(store, rule, series, history[0][0][0]) for series, history in found.items()}
    if not found:
        raise nothing_of(settings, node, f"nothing of {rule.kind} is stored for {node} up to then")
    intervals = {each.series: each.interval_ms for each in _inventory(settings)}
    said = []
    for series, history in sorted(found.items()):
        why = explain(rule, series, history, at_ms, intervals.get(series), zone.key, fired[series])
        said.append((series, why, _told(settings, rule, series, at_ms)))
    if as_json:
        rows = [{"series": str(s), **why._asdict(), "told": told} for s, why, told in said]
        show_json(rows)
        return
    for series, why, told in said:
        typer.echo(f"{series}\n{why.text_en}")
        if told:
            typer.echo("Sent: " + ", ".join(told))


def _history(store: Store, rule: Rule, node: str, sensor: str | None, at_ms: int) -> dict[Series, History]:
    """What is stored of a node's series, as far back from a time as the rule may look."""
    from collector.alerts import stored

    over_ms = rule.window.over if rule.window is not None else 0
    since_ms = at_ms - 2 * over_ms - rule.for_ - rule.keep_firing_for - 6 * HOUR_MS
    found: dict[Series, History] = {}
    for series, times, cells in stored.rows(store, stored.columns_of([rule]), since_ms, at_ms + 1, HOUR_MS, node):
        if sensor in (None, series.sensor):
            found.setdefault(series, []).append((times, cells))
    return found


def _standing(store: Store, rule: Rule, series: Series, at_ms: int) -> Transition | None:
    """The episode that fired at that time, as the database knows it."""
    from collector.alerts import points
    from collector.rules.transition import fingerprint

    name = fingerprint(rule.alert, series)
    fired = points.firing(store, {rule.alert: rule}, at_ms)
    return next((each for each in fired if each.fingerprint == name), None)


def _told(settings: Config, rule: Rule, series: Series, at_ms: int) -> list[str]:
    """Where the alert was told up to then, in words."""
    from collector.rules.transition import fingerprint

    if not settings.state_file.exists():
        return []
    with open_book(settings) as book:
        told = [each for each in book.deliveries(fingerprint(rule.alert, series)) if each.made_ms <= at_ms]
    clock = clock_of(settings.web.time_zone, TO_THE_SECOND)
    words = {"delivered": "ok", "dead": "GIVEN UP", "waiting": "FAILED", "sending": "being sent"}
    return [
        f"{each.channel} {words[each.state]} {clock(each.done_ms or each.made_ms)}"
        + (f" ({each.why}) next {clock(each.due_ms)}" if each.state == "waiting" and each.why else "")
        for each in reversed(told[:10])
    ]


def _named(settings: Config, files: list[Path], names: list[str]) -> list[Rule]:
    files = files or list(settings.rules)
    known = {rule.alert: rule for rule in rules_in(files or [STARTER])}
    for name in names:
        if name not in known:
            where = "" if files else " in the starter set, and the settings name no file of rules"
            other = f"there are {', '.join(known)}" if files else "add `rules: [FILE]` to the settings, or --rules FILE"
            raise Failure(Exit.USAGE, "rule-unknown", f"there is no rule {name!r}{where}", meant(name, known, other))
    return [known[name] for name in names]


def _inventory(settings: Config) -> list[Expected]:
    """What the nodes have announced, as the collector's state file has it; nothing without one."""
    from collector.delivery.registry import Registry
    from collector.stations.inventory import expected
    from device_profiles.catalogue import load as load_catalogue

    if not settings.state_file.exists():
        return []
    with state_of(settings) as db:
        return expected(Registry(db).nodes(), load_catalogue(), settings.places())


def _moment(text: str, zone: ZoneInfo) -> int:
    """A time; `09:40` is today's."""
    from datetime import datetime

    if len(text) <= 5 and ":" in text:
        text = f"{datetime.now(zone):%Y-%m-%d}T{text.zfill(5)}"
    return time_of(text, zone.key)
