"""`lamppost alerts`: what fires, who has it, who wants quiet, and what became of it.

Reading looks into the collector's state file; doing asks the running collector (duty.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.alerts.table import Rows, short_names, station
from collector.clock import wall_ms
from collector.commands.duty import ask, ask_each, desk_of, open_book, short_ids
from collector.commands.node import known_words, must_be_known
from collector.commands.options import CONFIG, JSON, counted, line_width, load_rules, load_settings, meant, show_json
from collector.commands.times import AHEAD, TO_THE_SECOND, clock_of, length_ms, time_of
from collector.rules.fields import OWN_LINK
from collector.stations.names import Names
from wire.exits import Exit, Failure
from wire.times import DAY_MS

if TYPE_CHECKING:
    from collector.alerts.book import Book
    from collector.config import Config
    from collector.rules.desk import Desk
    from collector.rules.silence import Matcher, Silence
    from collector.rules.transition import Transition

app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)

WHO = typer.Option(None, "--as", help="Who does it; default: the user of this shell.")
NOTE = typer.Option("", "-m", "--message", help="What the next person should know.")
HISTORY_MOST = 20_000


@app.callback()
def _default(
    context: typer.Context,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    if context.invoked_subcommand is None:
        alerts_list(config, False, False, as_json)
    else:  # what was said before the word holds behind it
        context.default_map = {context.invoked_subcommand: {"config": config, "as_json": as_json}}


@app.command("list")
def alerts_list(
    config: Path = CONFIG,
    everything: bool = typer.Option(False, "--all", help="Also what was resolved within a day."),
    each: bool = typer.Option(False, "--each", help="A row for every alert, however many there are."),
    as_json: bool = JSON,
) -> None:
    """Everything that fires, the worst first. Of more than twelve, those of one rule or one station share a heap.

    Exit code 1 when something fires that nobody has acknowledged or silenced.
    Example:  lamppost alerts list --each
    """
    from collector.alerts.listing import listing

    settings, now_ms = load_settings(config), wall_ms()
    with open_book(settings) as book:
        desk = desk_of(book)
        ended = [each.transition for each in book.transitions(now_ms - DAY_MS)] if everything else []
    firing = sorted((s for s in desk.standings.values() if s.firing), key=lambda s: -s.alert.start_ms)
    told = Rows(settings, short_names([one.alert.fingerprint for one in firing] + [one.fingerprint for one in ended]))
    rows = [told.firing(desk, one, now_ms) for one in firing]
    newest = {one.fingerprint: one for one in ended if not one.late}
    rows += [told.ended(one) for one in newest.values() if one.state == "resolved" and not one.void]
    if as_json:
        show_json(rows)
    else:
        typer.echo("\n".join(listing(rows, now_ms, line_width(), each)))
    open_ones = [row for row in rows if row["state"] == "FIRING"]
    raise typer.Exit(Exit.NOT_HEALTHY if open_ones else Exit.FINE)


@app.command("show")
def alerts_show(
    alert: str = typer.Argument(..., help="The alert's id, such as a-4f2."), config: Path = CONFIG, as_json: bool = JSON
) -> None:
    """One alert: what happened, what was done about it, and where it was told.

    Example:  lamppost alerts show a-4f2
    """
    settings = load_settings(config)
    with open_book(settings) as book:
        name = _find(book, alert)
        happened = book.transitions(0, name, 50)
        deeds = book.deeds(name)
        told = book.deliveries(name)
        standing = desk_of(book).standings.get(name)
        logs = {each.name: book.attempts(each.key, each.channel) for each in told}
    if as_json:
        said = {
            "fingerprint": name,
            "happened": [{"at_ms": each.at_ms, **each.transition.as_json()} for each in happened],
            "deeds": [deed._asdict() for deed in deeds],
            "deliveries": [
                {"channel": each.channel, "state": each.state, "key": each.key, "why": each.why,
                 "made_ms": each.made_ms, "done_ms": each.done_ms, "attempts": [a._asdict() for a in logs[each.name]]}
                for each in told
            ],
            "acknowledged_by": standing.ack.who if standing is not None and standing.ack is not None else None,
        }  # fmt: skip
        show_json(said)
        return
    clock = clock_of(settings.web.time_zone, TO_THE_SECOND)
    lines = [(each.transition.event_ms, _happened(each.transition)) for each in happened]
    lines += [(deed.at_ms, f"{deed.who} {deed.what} {deed.note}".rstrip()) for deed in deeds]
    for delivery in told:
        failed = delivery.attempts and delivery.state != "delivered"
        tail = f" after {counted(delivery.attempts, 'try')}: {delivery.why}" if failed else ""
        if delivery.state == "waiting":
            tail += f", next {clock(delivery.due_ms)}"
        lines.append((delivery.done_ms or delivery.made_ms, f"told {delivery.channel}: {delivery.state}{tail}"))
    for at_ms, line in sorted(lines, key=lambda each: each[0]):
        typer.echo(f"{clock(at_ms)}  {line}")


def _happened(each: Transition) -> str:
    late = "  (history: would have fired then)" if each.late else ""
    return f"{each.state:8} {each.text_en}{late}"


@app.command("ack")
def alerts_ack(
    alerts: list[str] = typer.Argument(..., help="Ids, such as a-4f2; or key=pattern, such as rule=pm25-* node=lp-1*."),
    note: str = NOTE,
    length: str = typer.Option("4h", "--for", help="How long: 90m, 4h, 1d; then people hear of it again."),
    who: str | None = WHO,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Say that somebody has it. Reminders and escalation stop until then.

    Example:  lamppost alerts ack a-4f2 -m "on site" --for 4h
              lamppost alerts ack rule=pm25-* -m "haze, known"
    """
    until_ms = wall_ms() + length_ms(length)
    settings = load_settings(config)
    with open_book(settings) as book:
        asked = [{"alert": name, "note": note, "until_ms": until_ms} for name in _named(settings, book, alerts)]
    answers = ask_each(settings, "ack", asked, who)
    if as_json:
        show_json(answers)
    else:
        until = clock_of(settings.web.time_zone, AHEAD)(until_ms)
        for answer in answers:
            refused = answer.get("refused")
            over = f", taken over from {answer['taken_over_from']}" if "taken_over_from" in answer else ""
            done = f"acknowledged {answer['id']} until {until}{over}"
            typer.echo(f"{answer['id']}: {refused}" if refused else done, err=bool(refused))
    raise typer.Exit(Exit.NOT_HEALTHY if any("refused" in answer for answer in answers) else Exit.FINE)


def _named(settings: Config, book: Book, alerts: list[str]) -> list[str]:
    """The alerts that were named one by one, or that fire now and match. Raises Failure when none does."""
    if not any("=" in each for each in alerts):
        return [_find(book, each) for each in alerts]
    wanted = _matchers(" ".join(alerts))
    found = [each.fingerprint for each in desk_of(book).preview(wanted)]
    if not found:
        text = f"nothing that fires matches {' '.join(alerts)}"
        none = Failure(Exit.NOT_HEALTHY, "nothing-matches", text, "lamppost alerts list shows what fires")
        raise _slip(settings, wanted) or none
    return found


def _slip(settings: Config, wanted: tuple[Matcher, ...]) -> Failure | None:
    """The name of a rule, node or site that is none; None where each is one, or may stand for many."""
    for each in wanted:
        if each.key in ("rule", "node", "site") and "*" not in each.pattern:
            known = _rules(settings) if each.key == "rule" else known_words(settings, each.key) | {OWN_LINK}
            if each.pattern not in known:
                cure = meant(each.pattern, known, f"a * stands for any letters: {each.key}=lp-1*")
                return Failure(Exit.USAGE, "matcher-unknown", f"{each}: there is no such {each.key}", cure)
    return None


def _rules(settings: Config) -> set[str]:
    """Those of the settings, and the collector's own troubles."""
    from collector.alerts.self_watch import TROUBLES

    return {rule.alert for rule in load_rules(settings)} | TROUBLES.keys()


def _one(config: Path, alert: str) -> str:
    with open_book(load_settings(config)) as book:
        return _find(book, alert)


def _matchers(words: str) -> tuple[Matcher, ...]:
    from collector.rules.silence import matchers

    try:
        return matchers(words)
    except ValueError as error:
        raise Failure(Exit.USAGE, "matcher-unreadable", str(error)) from error


@app.command("unack")
def alerts_unack(alert: str, who: str | None = WHO, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Give an alert back.

    Example:  lamppost alerts unack a-4f2
    """
    ask(config, "unack", {"alert": _one(config, alert)}, who, as_json, "given back {id}")


@app.command("note")
def alerts_note(
    alert: str, note: str = NOTE, who: str | None = WHO, config: Path = CONFIG, as_json: bool = JSON
) -> None:
    """Write something down about an alert.

    Example:  lamppost alerts note a-4f2 -m "lamp replaced yesterday"
    """
    ask(config, "note", {"alert": _one(config, alert), "note": note}, who, as_json, "noted {id}")


@app.command("silence")
def alerts_silence(
    match: list[str] = typer.Argument(..., help="key=pattern, such as node=lp-0017 rule=pm25-*; * is any letters."),
    length: str = typer.Option("2h", "--for", help="How long: 90m, 2h, 7d; at most 90d. There is always an end."),
    start: str | None = typer.Option(None, "--from", help="When it begins, for planned maintenance; default: now."),
    note: str = NOTE,
    preview: bool = typer.Option(False, "--preview", "-n", help="Only show what it would silence now."),
    who: str | None = WHO,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Keep quiet about some alerts for a while; or plan maintenance. What was told as firing is still told as resolved.

    Example:  lamppost alerts silence node=lp-0017 --for 2h -m "street works"
    """
    from collector.rules.silence import SILENCE_MS_MAX

    settings, words = load_settings(config), " ".join(match)
    wanted = _matchers(words)
    if (slip := _slip(settings, wanted)) is not None:  # a station that is still to come may be meant
        typer.echo(f"warning: {slip.line()}", err=True)
    if preview:
        with open_book(settings) as book:
            desk = desk_of(book)
        found, names, places = desk.preview(wanted), short_ids(desk), Names(settings)
        if as_json:
            show_json([each.as_json() for each in found])
            return
        for each in found:
            typer.echo(f"{names[each.fingerprint]}  {each.severity:8} {station(places, each)}  {each.text_en}")
        typer.echo(f"would silence {len(found)} firing now")
        return
    now_ms = wall_ms()
    start_ms = time_of(start, settings.web.time_zone) if start else now_ms
    if length_ms(length) > SILENCE_MS_MAX:
        cure = "there is always an end: silence it again before that"
        raise Failure(Exit.USAGE, "silence-too-long", f"--for {length}: a silence lasts at most 90d", cure)
    end_ms = start_ms + length_ms(length)
    asked = {"match": words, "start_ms": start_ms, "end_ms": end_ms, "note": note}
    later, clock = start_ms > now_ms, clock_of(settings.web.time_zone, AHEAD)
    when = f"from {clock(start_ms)} to {clock(end_ms)}, would silence" if later else f"until {clock(end_ms)}, silences"
    ask(config, "silence", asked, who, as_json, f"{{silence}}: {when} {{matches}} firing now")


@app.command("unsilence")
def alerts_unsilence(silence: str, who: str | None = WHO, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """End a silence before its time.

    Example:  lamppost alerts unsilence s-1a2b3c
    """
    ask(config, "unsilence", {"silence": silence}, who, as_json, "ended {silence}")


@app.command("silences")
def alerts_silences(config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Silences and planned maintenance that have not ended.

    Example:  lamppost alerts silences
    """
    settings, now_ms = load_settings(config), wall_ms()
    with open_book(settings) as book:
        desk = desk_of(book)
    found = sorted((s for s in desk.silences if s.end_ms > now_ms), key=lambda each: each.end_ms)
    if as_json:
        rows = [s._asdict() | {"wanted": " ".join(map(str, s.wanted)), "matches": len(desk.preview(s.wanted))}
                for s in found]  # fmt: skip
        show_json(rows)
        return
    clock, names, places = clock_of(settings.web.time_zone, AHEAD), short_ids(desk), Names(settings)
    for each in found:
        when = "until it is resolved" if each.once else f"until {clock(each.end_ms)}"
        when = when if each.start_ms <= now_ms else f"from {clock(each.start_ms)} {when}"
        note = f' "{each.note}"' if each.note else ""
        typer.echo(f"{each.name}  {_about(places, desk, each, names)}  {when}  {each.who}{note}")
    typer.echo(counted(len(found), "silence"))


def _about(places: Names, desk: Desk, silence: Silence, names: dict[str, str]) -> str:
    """What it silences: of one alert, as one does on the pages, that alert as the list calls it."""
    standing = desk.standings.get(silence.wanted[0].pattern) if len(silence.wanted) == 1 else None
    if standing is None or standing.alert.fingerprint not in names:
        return " ".join(map(str, silence.wanted))
    alert = standing.alert
    return f"{names[alert.fingerprint]} {station(places, alert)}  {alert.rule}"


@app.command("history")
def alerts_history(
    since: str = typer.Option("24h", "--since", help="How far back: 90m, 24h, 30d."),
    rule: str | None = typer.Option(None, "--rule", help="One rule only."),
    node: str | None = typer.Option(None, "--node", help="One node only."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Every change of every alert, late ones marked: nobody was called for those.

    Example:  lamppost alerts history --since 7d --rule pm25-hourly-high
    """
    settings = load_settings(config)
    with open_book(settings) as book:
        found = book.transitions(wall_ms() - length_ms(since), limit=HISTORY_MOST)
    if len(found) == HISTORY_MOST:
        typer.echo(f"only the newest {HISTORY_MOST} changes are shown: give a shorter --since", err=True)
    shown = [
        each
        for each in found
        if rule in (None, each.transition.rule) and node in (None, each.transition.labels.get("node"))
    ]
    if node is not None and not shown:
        must_be_known(settings, node)
    if rule is not None and not shown and rule not in (known := _rules(settings)):
        cure = meant(rule, known, "lamppost rules check shows those in force")
        raise Failure(Exit.NOT_HEALTHY, "rule-unknown", f"there is no rule {rule!r}, and none was told of", cure)
    if as_json:
        rows = [{"at_ms": each.at_ms, **each.transition.as_json()} for each in shown]
        show_json(rows)
        return
    clock, places = clock_of(settings.web.time_zone, TO_THE_SECOND), Names(settings)
    for each in shown:
        mark = "  late" if each.transition.late else "  taken back" if each.transition.void else ""
        where = station(places, each.transition)
        typer.echo(f"{clock(each.transition.event_ms)}  {each.transition.state:8} {each.transition.severity:8} "
                   f"{where}  {each.transition.text_en}{mark}")  # fmt: skip
    typer.echo(counted(len(shown), "change"))


def _find(book: Book, name: str) -> str:
    """The fingerprint that a short id means, of what fires first: lists shorten ids among these. Raises Failure."""
    wanted = name.removeprefix("a-")
    known = [each for each in desk_of(book).standings if wanted and each.startswith(wanted)] or book.fingerprints(
        wanted
    )
    if len(known) != 1:
        text = f"no alert {name!r}" if not known else f"{name!r} begins {len(known)} alerts"
        raise Failure(Exit.USAGE, "alert-unknown", text, "see lamppost alerts list --all")
    return known[0]
