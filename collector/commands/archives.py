"""`lamppost collector backup` and `standby`: archives that `tar` puts back, on this machine or another."""

from __future__ import annotations

import signal
from pathlib import Path

import typer

from collector.clock import wall_ms
from collector.commands.options import CONFIG, JSON, counted, load_settings, open_desk, say, this_person
from collector.commands.times import clock_of
from common.language import told
from wire.both import Both
from wire.exits import Exit, Failure

_FILES = {"ca", "server"}  # of the authority, beside which each certificate lies under its own name


def backup(
    to: Path = typer.Argument(..., help="A folder for an archive named after collector and moment, or FILE.tar.gz."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Put everything but a database server's readings into one archive, while the collector works.

    That is settings and all that they name (rules, keys, secrets, the authority, the broker's folder beside it), and
    the collector's own files: stations, accounts, calibrations, alerts, quarantine, trail. Whoever has the archive has
    the secrets: it is for its owner alone, keep it so.

    Back: install, stop the collector, tar -xzpf ARCHIVE -C /, start it. See docs/install.md.

    Example:  sudo lamppost collector backup /srv/backup
    """
    from collector.files import backup

    _end_as_by_ctrl_c()
    settings = load_settings(config)
    moment = clock_of(settings.web.time_zone, "%Y%m%d-%H%M%S")(wall_ms())
    to = _archive(to, f"lamppost-{settings.name}-{moment}.tar.gz")
    files = backup.write(to, backup.contents(config, settings))
    try:
        with open_desk(config) as (_, file):
            file.note(this_person(), "backup", str(to), wall_ms())
    except Failure as failure:  # a full disk is no reason to throw it away
        warning = Both(f"warning: the trail does not say so: {failure}", f"警告：审计记录里没有这一条：{failure}")
        typer.echo(told(warning), err=True)
    size_mb, without = to.stat().st_size / 1e6, settings.store.kind != "sqlite"
    rest = f"; the readings are not in it, they are with {settings.store.kind}" if without else ""
    say(f"{to}: {counted(files, 'file')}, {size_mb:.1f} MB{rest}", as_json, archive=str(to), files=files)


def standby(
    name: str = typer.Argument(..., help="The second collector's name, such as c2."),
    to: Path = typer.Argument(..., help="A folder for an archive named after it, or FILE.tar.gz."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Let a second collector in at the broker, and pack what it needs: settings, keys, a certificate of its own.

    On its machine: install, tar -xzpf ARCHIVE -C /, look at `store` (the same database, as it is reached from there),
    start. It stands by while this one works. See docs/scaling.md.

    Example:  sudo lamppost collector standby c2 /root/c2.tar.gz
    """
    from collector.identity.authority import utc_now
    from collector.identity.office import enrolment
    from collector.identity.registrar import BrokerSilent
    from collector.standby import kit
    from wire import names

    _end_as_by_ctrl_c()
    with open_desk(config) as (settings, file):
        office = enrolment(settings, file)
        taken = office.programs | {each.node for each in office.book.stations() if each.state == "active"} | _FILES
        if not names.is_name(name) or name in taken:
            cure = "small letters, digits and hyphens; no station's name, and none of our programs'"
            raise Failure(Exit.USAGE, "bad-name", f"{name!r} cannot be the second's name", cure)
        to = _archive(to, f"lamppost-{name}.tar.gz")
        kit.pack(to, name, config, settings, office.authority, utc_now())
        try:
            office.gate.admit_collector(name)
        except BrokerSilent as error:
            cure = "is the broker up? then the same command again"
            raise Failure(Exit.NETWORK, "broker-silent", str(error), cure) from error
        file.note(this_person(), "standby", name, wall_ms())
    say(f"{name} is let in at the broker; {to} is for its machine alone", as_json, name=name, archive=str(to))


def _archive(to: Path, name: str) -> Path:
    """Where the archive goes: FILE.tar.gz, or under this name into a folder, made for its owner where there is none."""
    if to.name.endswith(".tar.gz") and not to.is_dir():
        return to
    if to.exists() and not to.is_dir():
        raise Failure(Exit.USAGE, "no-folder", f"{to} is a file", "name a folder, or an archive that ends in .tar.gz")
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    return to / name


def _end_as_by_ctrl_c() -> None:
    """What was made aside goes too when the terminal does, or a timer's patience: it is as large as all the files."""
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it passed over
            signal.signal(number, signal.default_int_handler)
