"""`lamppost token`: what lets a device enrol once, or a program use the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.clock import wall_ms
from collector.commands.options import CONFIG, JSON, open_desk, say, show_json, this_person
from collector.commands.times import clock_of
from wire.exits import Exit, Failure
from wire.times import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from collector.web.desk.api_tokens import Listed

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("create")
def create(
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
        secret = Book(file).new_token(node, this_person(), wall_ms(), minutes * MINUTE_MS)
        text = Token(node, where, digest_of(office.authority.bundle()), secret).text()
    if as_json:
        show_json({"schema": "lamppost.token/1", "node": node, "token": text, "minutes": minutes})
    else:
        typer.echo(text)
        typer.echo(f"good once, for {node}, for {minutes} minutes; on the device:", err=True)
        typer.echo("  lamppost agent enrol --token-file -", err=True)


@app.command("list")
def list_(config: Path = CONFIG, as_json: bool = JSON) -> None:
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


@app.command("revoke")
def revoke(
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


@app.command("api")
def api(
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
            _tell(tokens.listed(), clock, as_json)
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
        typer.echo(f"good until {clock(now_ms + days * DAY_MS)}; then its program is refused", err=True)


def _tell(tokens: list[Listed], clock: Callable[[int], str], as_json: bool) -> None:
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
