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
from collector.commands.options import CONFIG, JSON, line_width, load_rules, load_settings, meant, show_json
from collector.commands.times import AHEAD, TO_THE_SECOND, clock_of, length_ms, time_of
from collector.rules.alert_words import SEVERITY_WORDS, STATE_WORDS
from collector.rules.fields import OWN_LINK
from collector.stations.names import Names
from collector.web.texts_ops import OPS
from common.language import language, told
from wire.both import Both, joined, zh
from wire.cells import padded
from wire.exits import Exit, Failure
from wire.times import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.alerts.book import Book
    from collector.config import Config
    from collector.rules.deed import Deed
    from collector.rules.desk import Desk
    from collector.rules.outbox import Delivery
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
    made = Rows(settings, short_names([one.alert.fingerprint for one in firing] + [one.fingerprint for one in ended]))
    rows = [made.firing(desk, one, now_ms) for one in firing]
    newest = {one.fingerprint: one for one in ended if not one.late}
    rows += [made.ended(one) for one in newest.values() if one.state == "resolved" and not one.void]
    if as_json:
        show_json(rows)
    else:
        typer.echo("\n".join(listing(rows, now_ms, line_width(), each, language())))
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
        deliveries = book.deliveries(name)
        standing = desk_of(book).standings.get(name)
        logs = {each.name: book.attempts(each.key, each.channel) for each in deliveries}
    if as_json:
        said = {
            "fingerprint": name,
            "happened": [{"at_ms": each.at_ms, **each.transition.as_json()} for each in happened],
            "deeds": [deed._asdict() for deed in deeds],
            "deliveries": [
                {"channel": each.channel, "state": each.state, "key": each.key, "why": each.why,
                 "made_ms": each.made_ms, "done_ms": each.done_ms, "attempts": [a._asdict() for a in logs[each.name]]}
                for each in deliveries
            ],
            "acknowledged_by": standing.ack.who if standing is not None and standing.ack is not None else None,
        }  # fmt: skip
        show_json(said)
        return
    clock = clock_of(settings.web.time_zone, TO_THE_SECOND)
    lines = [(each.transition.event_ms, _happened(each.transition)) for each in happened]
    lines += [(deed.at_ms, _done(deed)) for deed in deeds]
    lines += [(one.done_ms or one.made_ms, _delivered(one, clock)) for one in deliveries]
    for at_ms, line in sorted(lines, key=lambda each: each[0]):
        typer.echo(f"{clock(at_ms)}  {told(line)}")


def _happened(each: Transition) -> Both:
    late = Both("  (history: would have fired then)", "  （历史数据：当时本应触发）") if each.late else ""
    state = Both(f"{each.state:8}", padded(zh(STATE_WORDS.get(each.state, each.state)), 8))
    return joined("", [state, " ", Both(each.text_en, each.text_zh), late])


def _done(deed: Deed) -> Both:
    """What somebody did: in English as the trail names it, in Chinese in the words of the pages."""
    what = Both(deed.what, OPS.get(f"did_{deed.what}", (deed.what, ""))[0])
    text = joined(" ", [deed.who, what, deed.note])
    return Both(text.rstrip(), zh(text).rstrip())


def _delivered(one: Delivery, clock: Callable[[int], str]) -> Both:
    state = Both(one.state, OPS.get(f"delivery_{one.state}", (one.state, ""))[0])
    parts = [Both(f"told {one.channel}: {state}", f"通知 {one.channel}：{zh(state)}")]
    if one.attempts and one.state != "delivered":
        times, why = one.attempts, one.why
        tries = Both(f"{times} {'try' if times == 1 else 'tries'}", f"{times} 次")
        parts.append(Both(f" after {tries}: {why}", f"，试了 {zh(tries)}：{why}"))
    if one.state == "waiting":
        parts.append(Both(f", next {clock(one.due_ms)}", f"，下次 {clock(one.due_ms)}"))
    return joined("", parts)


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
            refused, name = answer.get("refused"), answer["id"]
            done = Both(f"acknowledged {name} until {until}", f"已确认 {name}，至 {until}")
            if "taken_over_from" in answer:
                former = answer["taken_over_from"]
                done = joined("", [done, Both(f", taken over from {former}", f"，接手自 {former}")])
            typer.echo(f"{name}: {refused}" if refused else told(done), err=bool(refused))
    raise typer.Exit(Exit.NOT_HEALTHY if any("refused" in answer for answer in answers) else Exit.FINE)


def _named(settings: Config, book: Book, alerts: list[str]) -> list[str]:
    """The alerts that were named one by one, or that fire now and match. Raises Failure when none does."""
    if not any("=" in each for each in alerts):
        return [_find(book, each) for each in alerts]
    wanted = _matchers(" ".join(alerts))
    found = [each.fingerprint for each in desk_of(book).preview(wanted)]
    if not found:
        text = Both(
            f"nothing that fires matches {' '.join(alerts)}",
            f"正在告警的都不匹配 {' '.join(alerts)}",
        )
        cure = Both("lamppost alerts list shows what fires", "告警列表：lamppost alerts list")
        none = Failure(Exit.NOT_HEALTHY, "nothing-matches", text, cure)
        raise _slip(settings, wanted) or none
    return found


def _slip(settings: Config, wanted: tuple[Matcher, ...]) -> Failure | None:
    """The name of a rule, node or site that is none; None where each is one, or may stand for many."""
    for each in wanted:
        if each.key in ("rule", "node", "site") and "*" not in each.pattern:
            known = _rules(settings) if each.key == "rule" else known_words(settings, each.key) | {OWN_LINK}
            if each.pattern not in known:
                any_of = f"{each.key}=lp-1*"
                star = Both(f"a * stands for any letters: {any_of}", f"* 代表任意字符：{any_of}")
                text = Both(f"{each}: there is no such {each.key}", f"{each}：没有这个 {each.key}")
                return Failure(Exit.USAGE, "matcher-unknown", text, meant(each.pattern, known, star))
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
    ask(config, "unack", {"alert": _one(config, alert)}, who, as_json, Both("given back {id}", "已撤回确认 {id}"))


@app.command("note")
def alerts_note(
    alert: str, note: str = NOTE, who: str | None = WHO, config: Path = CONFIG, as_json: bool = JSON
) -> None:
    """Write something down about an alert.

    Example:  lamppost alerts note a-4f2 -m "lamp replaced yesterday"
    """
    ask(config, "note", {"alert": _one(config, alert), "note": note}, who, as_json, Both("noted {id}", "已备注 {id}"))


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
        typer.echo(told(Both(f"warning: {slip.line()}", f"注意：{zh(slip.line())}")), err=True)
    if preview:
        with open_book(settings) as book:
            desk = desk_of(book)
        found, names, places = desk.preview(wanted), short_ids(desk), Names(settings)
        if as_json:
            show_json([each.as_json() for each in found])
            return
        for each in found:
            where = station(places, each)
            typer.echo(told(joined("", [f"{names[each.fingerprint]}  ", _severity(each), f" {where}  ", _text(each)])))
        count = len(found)
        typer.echo(told(Both(f"would silence {count} firing now", f"会静默现在告警的 {count} 条")))
        return
    now_ms = wall_ms()
    start_ms = time_of(start, settings.web.time_zone) if start else now_ms
    if length_ms(length) > SILENCE_MS_MAX:
        text = Both(f"--for {length}: a silence lasts at most 90d", f"--for {length}：静默最长 90d")
        cure = Both("there is always an end: silence it again before that", "到期前再静默一次即可")
        raise Failure(Exit.USAGE, "silence-too-long", text, cure)
    end_ms = start_ms + length_ms(length)
    asked = {"match": words, "start_ms": start_ms, "end_ms": end_ms, "note": note}
    later, clock = start_ms > now_ms, clock_of(settings.web.time_zone, AHEAD)
    begins, ends = clock(start_ms), clock(end_ms)
    done = Both(
        f"{{silence}}: until {ends}, silences {{matches}} firing now",
        f"{{silence}}：至 {ends}，静默了现在告警的 {{matches}} 条",
    )
    if later:
        done = Both(
            f"{{silence}}: from {begins} to {ends}, would silence {{matches}} firing now",
            f"{{silence}}：{begins} 至 {ends}，会静默现在告警的 {{matches}} 条",
        )
    ask(config, "silence", asked, who, as_json, done)


@app.command("unsilence")
def alerts_unsilence(silence: str, who: str | None = WHO, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """End a silence before its time.

    Example:  lamppost alerts unsilence s-1a2b3c
    """
    ask(config, "unsilence", {"silence": silence}, who, as_json, Both("ended {silence}", "已结束静默 {silence}"))


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
        begins, ends = clock(each.start_ms), clock(each.end_ms)
        when = Both("until it is resolved", "直到解除") if each.once else Both(f"until {ends}", f"至 {ends}")
        if each.start_ms > now_ms:
            when = Both(f"from {begins} {when}", f"{begins} 起，{zh(when)}")
        note = f' "{each.note}"' if each.note else ""
        typer.echo(f"{each.name}  {_about(places, desk, each, names)}  {told(when)}  {each.who}{note}")
    count = len(found)
    typer.echo(told(Both(f"{count} silence{'s' * (count != 1)}", f"{count} 个静默")))


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
        most = Both(
            f"only the newest {HISTORY_MOST} changes are shown: give a shorter --since",
            f"只显示最新的 {HISTORY_MOST} 条变化：请把 --since 缩短",
        )
        typer.echo(told(most), err=True)
    shown = [
        each
        for each in found
        if rule in (None, each.transition.rule) and node in (None, each.transition.labels.get("node"))
    ]
    if node is not None and not shown:
        must_be_known(settings, node)
    if rule is not None and not shown and rule not in (known := _rules(settings)):
        cure = meant(rule, known, Both("lamppost rules check shows those in force", "现行规则：lamppost rules check"))
        text = Both(f"there is no rule {rule!r}, and none was told of", f"没有规则 {rule!r}，也没有它的告警")
        raise Failure(Exit.NOT_HEALTHY, "rule-unknown", text, cure)
    if as_json:
        rows = [{"at_ms": each.at_ms, **each.transition.as_json()} for each in shown]
        show_json(rows)
        return
    clock, places = clock_of(settings.web.time_zone, TO_THE_SECOND), Names(settings)
    for each in shown:
        mark = Both("  late", "  迟到") if each.transition.late else Both("  taken back", "  已撤销")
        marks = [mark] if each.transition.late or each.transition.void else []
        state = Both(
            f"{each.transition.state:8}", padded(zh(STATE_WORDS.get(each.transition.state, each.transition.state)), 8)
        )
        parts = [
            state,
            _severity(each.transition),
            joined("  ", [station(places, each.transition), _text(each.transition)]),
        ]
        typer.echo(told(joined("", [f"{clock(each.transition.event_ms)}  ", joined(" ", parts), *marks])))
    count = len(shown)
    typer.echo(told(Both(f"{count} change{'s' * (count != 1)}", f"{count} 条变化")))


def _severity(alert: Transition) -> Both:
    return Both(f"{alert.severity:8}", padded(zh(SEVERITY_WORDS[alert.severity]), 8))


def _text(alert: Transition) -> Both:
    return Both(alert.text_en, alert.text_zh)


def _find(book: Book, name: str) -> str:
    """The fingerprint that a short id means, of what fires first: lists shorten ids among these. Raises Failure."""
    wanted = name.removeprefix("a-")
    known = [each for each in desk_of(book).standings if wanted and each.startswith(wanted)] or book.fingerprints(
        wanted
    )
    if len(known) != 1:
        count = len(known)
        text = Both(f"{name!r} begins {count} alerts", f"有 {count} 条告警以 {name!r} 开头")
        if not known:
            text = Both(f"no alert {name!r}", f"没有告警 {name!r}")
        cure = Both("see lamppost alerts list --all", "见 lamppost alerts list --all")
        raise Failure(Exit.USAGE, "alert-unknown", text, cure)
    return known[0]
