"""`lamppost user`: who may log in at /ops. A password comes from stdin or a hidden prompt, never from an argument."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.clock import wall_ms
from collector.commands.options import CONFIG, JSON, open_desk, say, show_json, this_person
from collector.commands.times import clock_of
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.web.desk.accounts import Accounts
    from collector.web.desk.file import DeskFile

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

NAME = typer.Argument(..., help="The account: small letters, digits, dots, hyphens.")


@app.command("add")
def add(name: str = NAME, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Make an account. Its password, of 12 characters at least, is read from stdin or asked for.

    Example:  lamppost user add wang.lei
    """
    with open_desk(config) as (_, file):
        accounts = _accounts(file)
        if name in (account.name for account in accounts.all()):
            raise Failure(Exit.USAGE, "account-exists", f"there is an account {name}", f"lamppost user passwd {name}")
        _set_password(accounts, file, name, "user-added")
    say(f"{name}: added", as_json, name=name, state="added")


@app.command("passwd")
def passwd(name: str = NAME, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Give an account a new password, read from stdin or asked for. Who was logged in with the old one is out.

    Example:  lamppost user passwd wang.lei
    """
    with open_desk(config) as (_, file):
        accounts = _accounts(file)
        if name not in (account.name for account in accounts.all()):
            raise _unknown(name)
        _set_password(accounts, file, name, "user-password")
    say(f"{name}: changed", as_json, name=name, state="changed")


@app.command("list")
def list_all(config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Who may log in, since when with this password, and when they were last there.

    Example:  lamppost user list
    """
    with open_desk(config) as (settings, file):
        accounts, clock = _accounts(file).all(), clock_of(settings.web.time_zone)
    if as_json:
        show_json([account._asdict() for account in accounts])
        return
    for account in accounts:
        seen = "-" if account.seen_ms is None else clock(account.seen_ms)
        typer.echo(f"{account.name:<20} since {clock(account.since_ms)}  last there {seen}")
    if not accounts:
        typer.echo("no accounts: lamppost user add NAME", err=True)


@app.command("remove")
def remove(name: str = NAME, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Take an account away. Whoever is logged in with it is out at once.

    Example:  lamppost user remove wang.lei
    """
    with open_desk(config) as (_, file):
        if not _accounts(file).remove(name):
            raise _unknown(name)
        file.note(this_person(), "user-removed", name, wall_ms())
    say(f"{name}: removed", as_json, name=name, state="removed")


def _accounts(file: DeskFile) -> Accounts:
    from collector.web.desk.accounts import Accounts

    return Accounts(file)


def _set_password(accounts: Accounts, file: DeskFile, name: str, what: str) -> None:
    from collector.web.desk.accounts import PASSWORD_MAX, PASSWORD_MIN, NotAccepted

    try:
        accounts.create(name, _password(name), wall_ms())
    except NotAccepted as error:
        if str(error) == "bad_name":
            cure = "up to 40 small letters, digits, dots, hyphens and underscores; a letter or digit first"
            raise Failure(Exit.USAGE, "bad-name", f"{name!r} cannot be an account", cure) from error
        text = f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters"
        raise Failure(Exit.USAGE, "bad-password", text) from error
    file.note(this_person(), what, name, wall_ms())


def _password(name: str) -> str:
    """One line of stdin, or what a person types twice."""
    if sys.stdin.isatty():
        said: str = typer.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True)
        return said
    return sys.stdin.readline().rstrip("\r\n")


def _unknown(name: str) -> Failure:
    return Failure(Exit.USAGE, "no-such-account", f"there is no account {name!r}", "lamppost user list")
