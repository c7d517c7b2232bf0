"""`lamppost notify`: try the channels, see what could not be told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collector.clock import wall_ms
from collector.commands.alerts import WHO
from collector.commands.duty import ask, open_book
from collector.commands.options import CONFIG, JSON, counted, load_settings, show_json
from collector.commands.times import TO_THE_SECOND, clock_of
from collector.stations.names import Names
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.alerts.settings import Channel
    from collector.config import Config

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("test")
def notify_test(
    channels: list[str] = typer.Argument(None, help="Channels, by name; default: all."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Send a test message through each channel and print what each said.

    Exit code 6 when one did not take it, 1 when there is none.   Example:  lamppost notify test environment-bureau
    """
    settings = load_settings(config)
    known = {channel.name: channel for channel in settings.alerts.channels}
    for name in channels or ():
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "name channels under alerts.channels"
            raise Failure(Exit.USAGE, "channel-unknown", f"there is no channel {name!r}", there)
    if not known:
        text = f"{config} names no channel: alerts are shown on the pages and told to nobody"
        raise Failure(Exit.NOT_HEALTHY, "no-channels", text, "lamppost collector sample shows alerts.channels")
    rows = [row for name in channels or known for row in _tried(settings, known[name])]
    if as_json:
        show_json(rows)
    else:
        for row in rows:
            typer.echo(f"{row['channel']}  {'ok' if row['told'] else 'FAILED: ' + str(row['why'])}  {row['ms']} ms")
        typer.echo(f"{sum(bool(row['told']) for row in rows)} of {len(rows)} channels took it")
    raise typer.Exit(Exit.FINE if all(row["told"] for row in rows) else Exit.NETWORK)


def _tried(settings: Config, channel: Channel) -> Iterator[dict[str, Any]]:
    """What each way of a channel says to a test message."""
    from collector.notify import setup
    from collector.notify.addresses import Inner
    from collector.notify.channel import BadAddress, Told
    from collector.rules.outbox import Delivery

    try:
        ways = setup.channels(channel, setup.writer(settings), None, wall_ms, Inner(settings.alerts.inner))
    except (BadAddress, Failure) as error:
        yield {"channel": channel.name, "told": False, "why": str(error), "ms": 0}
        return
    now_ms, body = wall_ms(), {"what": "news", "lines": []}
    zh, en = "Lamppost 测试通知，无需处理", "A test of Lamppost's notifications; nothing to do"
    for way in ways:
        test = Delivery(f"test-{now_ms}", way.name, "test", 0, now_ms, now_ms, zh, en, "info", body)
        began_s = time.monotonic()
        outcome = way.send([test])
        why, ms = "" if isinstance(outcome, Told) else outcome.why, round(1000 * (time.monotonic() - began_s))
        yield {"channel": way.name, "told": not why, "why": why, "ms": ms}


@app.command("log")
def notify_log(
    count: int = typer.Option(50, "--count", "-n", min=1, help="How many messages."),
    dead: bool = typer.Option(False, "--dead", help="Only those that were given up."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """What was told where, and what is still being tried. Exit code 1 when something was given up.

    Example:  lamppost notify log --dead
    """
    settings = load_settings(config)
    with open_book(settings) as book:
        found = book.deliveries(state="dead" if dead else None, limit=count)
        logs = {each.name: book.attempts(each.key, each.channel) for each in found}
    if as_json:
        rows = [{"name": each.name, "channel": each.channel, "state": each.state, "why": each.why,
                 "made_ms": each.made_ms, "done_ms": each.done_ms, "text": each.text_en,
                 "attempts": [attempt._asdict() for attempt in logs[each.name]]} for each in found]  # fmt: skip
        show_json(rows)
    else:
        clock, called = clock_of(settings.web.time_zone, TO_THE_SECOND), Names(settings).with_node
        for each in found:
            line = "  ".join((called(each.node), *each.words[1].splitlines()))[:100]
            failed = each.attempts and each.state != "delivered"
            why = f" after {counted(each.attempts, 'try')}: {each.why}" if failed else ""
            typer.echo(f"{clock(each.made_ms)}  {each.channel}  {each.state}{why}  {line}")
            if each.state == "dead":
                typer.echo(f"    lamppost notify again '{each.name}'")
        typer.echo(counted(len(found), "message"))
    raise typer.Exit(Exit.NOT_HEALTHY if any(each.state == "dead" for each in found) else Exit.FINE)


@app.command("again")
def notify_again(name: str, who: str | None = WHO, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Try a message again that was given up, after its channel was mended.

    Example:  lamppost notify again '3f2a...|environment-bureau'
    """
    ask(config, "revive", {"delivery": name}, who, as_json, "waiting again: {delivery}")
