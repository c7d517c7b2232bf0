"""`lamppost collector`: what runs centrally. Heavy imports happen inside the commands."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

DEFAULT_CONFIG = Path("/etc/lamppost/collector.yaml")


@app.command()
def run(
    config: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Log only what is wrong."),
) -> None:
    """Take batches, write them, watch the rules, serve the page; until SIGTERM or Ctrl-C.

    Example:  lamppost collector run /etc/lamppost/collector.yaml
    """
    import signal
    import threading

    settings = load_settings(config)
    _check_rules(settings)
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, format="%(name)s: %(message)s")
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    _serve(settings, ending)


@app.command()
def check(file: Path = typer.Argument(..., help="The settings file.")) -> None:
    """Say whether a settings file and its rules can be used; name line, key and cure for everything that is wrong.

    Example:  lamppost collector check collector.yaml
    """
    settings = load_settings(file)
    rules = _check_rules(settings)
    typer.echo(f"{file}: fine. Store {settings.store.kind}, {rules} rules, page on port {settings.web.port}.")


@app.command()
def sample() -> None:
    """Print a settings file with every key explained.

    Example:  lamppost collector sample > collector.yaml
    """
    from collector.config import SAMPLE

    typer.echo(SAMPLE.read_text(), nl=False)


def _serve(settings: Config, ending: object) -> None:
    import threading

    from collector.city import site
    from collector.collector import Collector
    from collector.notify.channel import BadAddress
    from collector.statedb import StateUnusable
    from collector.web.app import create_app
    from collector.web.feed import Feed
    from collector.web.server import PortTaken, WebServer

    assert isinstance(ending, threading.Event)
    feed = Feed()
    try:
        collector = Collector(settings, feed.publish)
    except StateUnusable as error:
        raise Failure(Exit.NOT_PERMITTED, "state-unusable", str(error)) from error
    except BadAddress as error:
        raise Failure(Exit.CONFIGURATION, "channel-unusable", str(error)) from error
    pages = create_app(site(settings, collector.store, collector.registry, collector.alerting, feed))
    server = WebServer(pages, settings.web.host, settings.web.port)
    try:
        server.start()
    except PortTaken as error:
        raise Failure(Exit.DEVICE_OR_PORT, "port-busy", str(error)) from error
    if pages.state.setup_path is not None:
        typer.echo(f"first operator: {server.url.rstrip('/')}{pages.state.setup_path}", err=True)
    collector.start()
    try:
        ending.wait()
    finally:
        server.stop()
        collector.stop()


def load_settings(file: Path) -> Config:
    """The settings of a file. Raises Failure with line, key and cure."""
    from collector.config import Config
    from device_profiles import settings

    return settings.load_settings(Config, file, "lamppost collector sample > collector.yaml")


def _check_rules(settings: Config) -> int:
    from collector.rules.loading import load_rules
    from device_profiles.strict_yaml import NotUsable

    try:
        return len(load_rules(settings.rules, [channel.name for channel in settings.alerts.channels]))
    except (NotUsable, OSError) as error:
        raise Failure(Exit.CONFIGURATION, "rules-invalid", str(error), "correct the lines named") from error


def time_of(text: str, zone: str) -> int:
    """A date or time, in the city's zone unless it names an offset."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(Exit.USAGE, "time-unreadable", f"{text!r} is no time", "write 2026-03-01 or a time") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp() * 1000)
