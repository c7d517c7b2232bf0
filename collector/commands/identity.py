"""`lamppost token`, `lamppost stations`, `lamppost trail`: who is let in, who is put out, and the record of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.clock import wall_ms
from collector.commands.options import CONFIG, JSON, file_of_the_collector, load_settings, say, show_json, this_person
from collector.commands.times import clock_of
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config
    from collector.web.desk.api_tokens import Listed
    from collector.web.desk.file import DeskFile


token_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
stations_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
trail_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@token_app.command("create")
def token_create(
    node: str = typer.Argument(..., help="The node that may enrol with it."),
    url: str | None = typer.Option(None, "--url", help="Where devices reach the door, when not the broker's host."),
    minutes: int = typer.Option(15, "--minutes", min=1, max=7 * 24 * 60, help="How long it is good."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Make a one-time enrolment token for a node and print it. It cannot be shown again.

    Example:  lamppost token create lp-0017 > token.txt
    """
    from wire.enrolment import Token, digest_of

    with open_desk(config) as (settings, file):
        from collector.identity.book import Book
        from collector.identity.enrolment import Refused
        from collector.identity.office import enrolment
        from common.settings import in_url

        office = enrolment(settings, file)
        try:
            office.may_be_called(node)
        except Refused as error:
            cure = "another: small letters, digits, hyphens"
            raise Failure(Exit.USAGE, error.word, f"{node!r}: {error}", cure) from error
        assert settings.identities is not None
        where = url or f"https://{in_url(settings.identities.broker_host)}:{settings.identities.port}"
        secret = Book(file).new_token(node, this_person(), wall_ms(), minutes * 60_000)
        text = Token(node, where, digest_of(office.authority.bundle()), secret).text()
    if as_json:
        show_json({"schema": "lamppost.token/1", "node": node, "token": text, "minutes": minutes})
    else:
        typer.echo(text)
        typer.echo(f"good once, for {node}, for {minutes} minutes; on the device:", err=True)
        typer.echo("  lamppost agent enrol --token-file -", err=True)


@token_app.command("list")
def token_list(config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Tokens that were made: for whom, by whom, and whether they are still good. Never the tokens themselves.

    Example:  lamppost token list
    """
    from collector.identity.book import Book

    with open_desk(config) as (settings, file):
        tokens = Book(file).tokens(wall_ms())
    if as_json:
        show_json([token._asdict() for token in tokens])
        return
    if not tokens:
        typer.echo("no tokens: lamppost token create NODE", err=True)
    clock = clock_of(settings.web.time_zone)
    for token in tokens:
        typer.echo(f"{token.id}  {token.node:<16} {token.state:<8} until {clock(token.expires_ms)}  by {token.made_by}")


@token_app.command("revoke")
def token_revoke(
    beginning: str = typer.Argument(..., help="The id from `token list`, or its first 6 characters."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Make a token worthless.

    Example:  lamppost token revoke 3f9a21
    """
    from collector.identity.book import Book

    with open_desk(config) as (_, file):
        if not Book(file).revoke_token(beginning, this_person(), wall_ms()):
            raise Failure(Exit.USAGE, "no-such-token", f"no token begins with {beginning!r}", "lamppost token list")
    say("revoked", as_json, token=beginning)


@token_app.command("api")
def token_api(
    name: str | None = typer.Argument(None, help="What it is for; it stands in the trail. Left out: all there are."),
    scope: list[str] = typer.Option(["read"], "--scope", help="read, or handle (alerts). May be given twice."),
    days: int = typer.Option(365, "--days", min=1, max=3650, help="How long it is good."),
    revoke: bool = typer.Option(False, "--revoke", help="Make the token of this name worthless."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Make a token by which a program uses the API, and print it. It cannot be shown again.

    Without a name: which there are, until when they are good, and when each was used last.

    Example:  lamppost token api duty-room --scope handle > duty-room.token
    """
    from collector.web.desk.api_tokens import ApiTokens

    with open_desk(config) as (settings, file):
        tokens, clock = ApiTokens(file), clock_of(settings.web.time_zone)
        if name is None:
            _tell_api_tokens(tokens.listed(), clock, as_json)
            return
        if revoke:
            if not tokens.revoke(name, this_person(), wall_ms()):
                raise Failure(Exit.USAGE, "no-such-token", f"there is no token {name!r}", "lamppost token api")
            say("revoked", as_json, name=name)
            return
        now_ms = wall_ms()
        try:
            token = tokens.create(name, scope, this_person(), now_ms, days)
        except ValueError as error:
            raise Failure(Exit.USAGE, "bad-token", str(error)) from error
    made = {"schema": "lamppost.api-token/1", "name": name, "scopes": scope, "token": token, "days": days}
    typer.echo(json.dumps(made) if as_json else token)
    if not as_json:
        typer.echo(f"good until {clock(now_ms + days * 86_400_000)}; then its program is refused", err=True)


def _tell_api_tokens(tokens: list[Listed], clock: Callable[[int], str], as_json: bool) -> None:
    if as_json:
        show_json([token._asdict() for token in tokens])
        return
    if not tokens:
        typer.echo("no program has a token: lamppost token api NAME --scope read", err=True)
    name_width = max((len(token.name) for token in tokens), default=0)  # no wider: it shall fit a narrow terminal
    scopes_width = max((len(token.scopes) for token in tokens), default=0)
    for token in tokens:
        used = "never used" if token.used_ms is None else f"used {clock(token.used_ms)}"
        named = f"{token.name:<{name_width}} {token.scopes:<{scopes_width}}"
        typer.echo(f"{named} until {clock(token.expires_ms)}  {used}")


@stations_app.command("accept")
def stations_accept(
    node: str = typer.Argument(..., help="The node's name."),
    request: Path = typer.Option(..., "--request", help="Its request, a file; - reads stdin."),
    out: Path | None = typer.Option(None, "--out", help="Write the answer here instead of printing it."),
    config: Path = CONFIG,
) -> None:
    """Enrol a device whose request was carried here by hand. The answer goes back to it the same way.

    Example:  lamppost stations accept lp-0017 --request lp-0017.csr --out lp-0017.enrolment.json
    """
    from collector.identity.enrolment import Refused, as_file
    from collector.identity.office import enrolment
    from collector.identity.registrar import BrokerSilent

    try:
        asked = sys.stdin.buffer.read(65_536) if str(request) == "-" else request.read_bytes()
    except OSError as error:
        cure = "on the device: lamppost agent enrol request NODE --out FILE"
        raise Failure(Exit.CONFIGURATION, "request-unreadable", f"{request}: {error.strerror}", cure) from error
    with open_desk(config) as (settings, file):
        try:
            answer = as_file(enrolment(settings, file).accept(node, asked, this_person(), wall_ms()))
        except Refused as error:
            raise Failure(Exit.CONFIGURATION, error.word, str(error)) from error
        except BrokerSilent as error:
            raise Failure(Exit.NETWORK, "broker-silent", str(error), "is the broker up?") from error
    if out is None:
        typer.echo(answer.decode())
    else:
        out.write_bytes(answer)
        typer.echo(f"{out}: on the device, lamppost agent enrol import {out.name}")


@stations_app.command("retire")
def stations_retire(
    node: str = typer.Argument(..., help="The node's name."), config: Path = CONFIG, as_json: bool = JSON
) -> None:
    """Put a station out, now: stolen, sold, taken down. Its readings stay; it can be enrolled again with a new token.

    Example:  lamppost stations retire lp-0017
    """
    from collector.identity.enrolment import Refused
    from collector.identity.office import enrolment
    from collector.identity.registrar import BrokerSilent

    with open_desk(config) as (settings, file):
        if settings.identities is None:
            text = f"this collector has no authority, so {node} has no certificate to revoke"
            cure = "write it down as removed on its page of /ops: nobody is called for its silence then"
            raise Failure(Exit.CONFIGURATION, "no-identities", text, cure)
        try:
            count = enrolment(settings, file).retire(node, this_person(), wall_ms())
        except Refused as error:
            raise Failure(Exit.USAGE, error.word, f"{node!r}: {error}", "lamppost stations") from error
        except BrokerSilent as error:
            text = f"{node} is on the list of the revoked, but the broker could not be told: {error}"
            raise Failure(Exit.NETWORK, "broker-silent", text, "say it again when the broker is up") from error
    say(f"{node}: out at the broker; {count} certificates revoked", as_json, node=node, certificates=count)


@stations_app.command("purge")
def stations_purge(
    node: str = typer.Argument(..., help="The node's name."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Forget a station: readings, quarantine, births, reports. It cannot be undone; only the trail keeps its name.

    Retire it first, or it will begin anew. Its own disk: lamppost agent spool purge, on the device.

    Example:  lamppost stations purge lp-0017
    """
    from collector.stations.purge import purge
    from collector.stores.store import StoreDown

    if not yes and not typer.confirm(f"forget every reading of {node}, for ever?", err=True):
        raise Failure(Exit.USAGE, "not-confirmed", "nothing was purged", "--yes")
    with open_desk(config) as (settings, file):
        try:
            gone = purge(settings, node)
        except StoreDown as error:
            raise Failure(Exit.STORE, "store-down", str(error), "is the database up?") from error
        except ValueError as error:
            raise Failure(Exit.USAGE, "bad-node", str(error)) from error
        file.note(this_person(), "purged", node, wall_ms())
    told = ", ".join(f"{n} {what}" for what, n in sorted(gone.items()) if n) or "nothing"
    say(f"{node} is forgotten: {told}", as_json, node=node, gone=gone)


@trail_app.command("list")
def trail_list(
    count: int = typer.Option(50, "--count", "-n", min=1, help="How many lines."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Who did what: logins, enrolments, retirements, alerts handled. Newest first.

    Example:  lamppost trail list -n 20
    """
    from collector.tame import one_line, tame

    with open_desk(config) as (settings, file):
        lines = file.trail(count)
    clock = clock_of(settings.web.time_zone)
    for line in lines:
        if as_json:
            show_json(tame(line._asdict()))
        else:
            typer.echo(one_line(f"{clock(line.at_ms)}  {line.who:<16} {line.what:<16} {line.about}"))
    if not lines and not as_json:
        typer.echo("nobody has done anything yet", err=True)


@trail_app.command("verify")
def trail_verify(
    head: str | None = typer.Option(None, "--head", help="A head noted earlier, which must still be in the chain."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Check that no line of the trail was changed, removed or put in. Exit code 1 when one was.

    Note the head somewhere else from time to time: against it, lines cut off at the end show too.

    Example:  lamppost trail verify --head 9f2c...
    """
    from collector import trail

    with open_desk(config) as (_, file), file.use() as db:
        verdict = trail.verify(db, head)
    if as_json:
        show_json({"schema": "lamppost.trail/1"} | verdict._asdict())
    elif verdict.broken_at is None:
        typer.echo(f"{verdict.lines} lines, all sound. Head {verdict.head}")
    else:
        typer.echo(f"NOT SOUND at line {verdict.broken_at}: changed, removed or cut off after line {verdict.lines}")
    raise typer.Exit(Exit.FINE if verdict.broken_at is None else Exit.NOT_HEALTHY)


@contextmanager
def open_desk(config: Path) -> Iterator[tuple[Config, DeskFile]]:
    """Settings and the file of what people decide, for as long as one command takes."""
    from collector.web.desk.file import DeskFile

    settings = load_settings(config)
    file = DeskFile(settings.desk_file)
    try:
        with file_of_the_collector(settings.desk_file):
            yield settings, file
    finally:
        file.close()
