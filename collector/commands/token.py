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
from common.language import told
from wire.both import Both, zh
from wire.cells import padded
from wire.exits import Exit, Failure
from wire.times import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from collector.web.desk.api_tokens import Listed

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_REVOKED = Both("revoked", "已作废")
_STATES = {
    "open": Both("open", "可用"),
    "used": Both("used", "已用过"),
    "expired": Both("expired", "已过期"),
    "revoked": _REVOKED,
}


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
            cure = Both("another: small letters, digits, hyphens", "换一个：小写字母、数字、连字符")
            raise Failure(Exit.USAGE, error.word, f"{node!r}: {error}", cure) from error
        assert settings.identities is not None
        where = url or f"https://{in_url(settings.identities.broker_host)}:{settings.identities.port}"
        secret = Book(file).new_token(node, this_person(), wall_ms(), minutes * MINUTE_MS)
        text = Token(node, where, digest_of(office.authority.bundle()), secret).text()
    if as_json:
        show_json({"schema": "lamppost.token/1", "node": node, "token": text, "minutes": minutes})
    else:
        typer.echo(text)
        good = Both(
            f"good once, for {node}, for {minutes} minutes; on the device:",
            f"只给 {node} 用一次，{minutes} 分钟内有效；在设备上：",
        )
        typer.echo(told(good), err=True)
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
        typer.echo(
            told(Both("no tokens: lamppost token create NODE", "没有令牌：lamppost token create NODE")), err=True
        )
    clock = clock_of(settings.web.time_zone)
    for token in tokens:
        state, end, who = padded(told(_STATES.get(token.state, token.state)), 8), clock(token.expires_ms), token.made_by
        until = told(Both(f"until {end}  by {who}", f"至 {end}  签发人 {who}"))
        typer.echo(f"{token.id}  {token.node:<16} {state} {until}")


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
            raise Failure(
                Exit.USAGE,
                "no-such-token",
                Both(f"no token begins with {beginning!r}", f"没有以 {beginning!r} 开头的令牌"),
                "lamppost token list",
            )
    say(_REVOKED, as_json, token=beginning)


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
                raise Failure(
                    Exit.USAGE,
                    "no-such-token",
                    Both(f"there is no token {name!r}", f"没有令牌 {name!r}"),
                    "lamppost token api",
                )
            say(_REVOKED, as_json, name=name)
            return
        now_ms = wall_ms()
        try:
            token = tokens.create(name, scope, this_person(), now_ms, days)
        except ValueError as error:
            raise Failure(Exit.USAGE, "bad-token", str(error)) from error
    made = {"schema": "lamppost.api-token/1", "name": name, "scopes": scope, "token": token, "days": days}
    typer.echo(json.dumps(made) if as_json else token)
    if not as_json:
        end = clock(now_ms + days * DAY_MS)
        good = Both(f"good until {end}; then its program is refused", f"有效至 {end}；过期后它的程序会被拒绝")
        typer.echo(told(good), err=True)


def _tell(tokens: list[Listed], clock: Callable[[int], str], as_json: bool) -> None:
    if as_json:
        show_json([token._asdict() for token in tokens])
        return
    if not tokens:
        none = Both(
            "no program has a token: lamppost token api NAME --scope read",
            "还没有程序有令牌：lamppost token api NAME --scope read",
        )
        typer.echo(told(none), err=True)
    name_width = max((len(token.name) for token in tokens), default=0)  # no wider: it shall fit a narrow terminal
    scopes_width = max((len(token.scopes) for token in tokens), default=0)
    for token in tokens:
        used, end = Both("never used", "从未使用"), clock(token.expires_ms)
        if token.used_ms is not None:
            used = Both(f"used {clock(token.used_ms)}", f"上次使用 {clock(token.used_ms)}")
        named = f"{token.name:<{name_width}} {token.scopes:<{scopes_width}}"
        until = Both(f"until {end}  {used}", f"至 {end}  {zh(used)}")
        typer.echo(f"{named} {told(until)}")
