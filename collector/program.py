"""The collector's program: a collector and its web servers, started in order and stopped in the reverse order."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import typer
from starlette.routing import Route

from collector.alerts.on_duty import OnDuty
from collector.city import site
from collector.clock import wall_ms
from collector.collector import Collector
from collector.config import Config
from collector.files.sqlite_file import unusable
from collector.identity.office import enrolment
from collector.memory import calm_garbage_collector, share_heaps
from collector.notify.channel import BadAddress
from collector.web.app import create_app
from collector.web.desk.file import DeskFile
from collector.web.enrol import create_enrol_app
from collector.web.feed import Feed
from collector.web.push import Pusher, routes
from collector.web.server import PortTaken, WebServer
from common.notifier import Notifier
from common.owner import InUse, Owner
from common.settings import secret
from wire.exits import Exit, Failure

LOOK_S: Final = 10.0
"""So often systemd hears that the ingest moves; its patience is the unit's `WatchdogSec`."""


def serve(settings: Config, ending: threading.Event, workers: int = 1, quiet: bool = False) -> None:
    """Work until `ending` is set. Raises Failure when something cannot begin: a channel, a port, a secret, a map."""
    feed = Feed()
    share_heaps()
    with ExitStack() as at_the_end:  # the last is stopped first: files are closed when nobody asks any more
        at_the_end.callback(_own(settings.state_file).release)
        try:
            collector = Collector(settings, feed.publish, workers=workers, quiet=quiet)
        except BadAddress as error:
            raise Failure(Exit.CONFIGURATION, "channel-unusable", str(error)) from error
        except sqlite3.DatabaseError as error:  # it could be opened, and is damaged further in
            raise unusable(f"{settings.state_file}, or desk.db beside it", error) from error
        at_the_end.callback(collector.stop)
        duty = at_the_end.enter_context(closing(OnDuty(collector.alerting, settings.state_file, wall_ms)))
        pages = create_app(site(collector, duty, feed), doors=_push_routes(settings, collector))
        tls = (settings.web.tls.cert, settings.web.tls.key) if settings.web.tls is not None else None
        server = WebServer(pages, settings.web.host, settings.web.port, tls)
        enrolment_server = at_the_end.enter_context(_enrolment_server(settings))
        try:
            for each in filter(None, (server, enrolment_server, _metrics_server(settings, collector))):
                at_the_end.callback(each.stop)
                each.start()
        except PortTaken as error:
            raise Failure(Exit.DEVICE_OR_PORT, "port-busy", str(error)) from error
        if pages.state.setup_path is not None:
            typer.echo(f"first operator: {server.url.rstrip('/')}{pages.state.setup_path}", err=True)
        calm_garbage_collector()
        collector.start()
        systemd = Notifier.from_environment()
        while not ending.wait(LOOK_S):
            if collector.moves():
                systemd.alive()


def _own(state_file: Path) -> Owner:
    """Two collectors of different names are well met on one broker, and not on one state file."""
    try:
        return Owner(state_file)
    except InUse as error:
        cure = "give each collector a state_file of its own, or stop the other"
        raise Failure(Exit.CONFIGURATION, "state-in-use", str(error), cure) from error
    except OSError as error:
        raise unusable(state_file, error) from error


def _push_routes(settings: Config, collector: Collector) -> list[Route]:
    """Where citizens' sensors push."""
    pushers = {}
    for station in settings.stations:
        if station.push is not None:
            text = secret(station.push.secret_file)
            if not text:
                raise Failure(Exit.CONFIGURATION, "secret-empty", f"{station.push.secret_file} holds no secret")
            pushers[station.node] = Pusher(station.push.site, hashlib.sha256(text.encode()).digest())
    return routes(wall_ms, collector.guests, pushers)


def _metrics_server(settings: Config, collector: Collector) -> WebServer | None:
    """The server that answers Prometheus, where the settings say so."""
    wants = settings.metrics
    if wants is None:
        return None
    from collector.health.metrics import create_metrics_app

    return WebServer(create_metrics_app(collector), wants.host, wants.port)


@contextmanager
def _enrolment_server(settings: Config) -> Iterator[WebServer | None]:
    """The server at which devices enrol, when this installation has an authority."""
    wants = settings.identities
    if wants is None:
        yield None
        return
    pair = (wants.folder / "server.pem", wants.folder / "server.key")
    with closing(DeskFile(settings.desk_file)) as file:
        yield WebServer(create_enrol_app(enrolment(settings, file), wall_ms), wants.host, wants.port, pair)
