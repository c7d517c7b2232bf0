"""`lamppost collector`: what runs centrally. Heavy imports happen inside the commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.clock import wall_ms
from collector.commands.archives import backup, standby
from collector.commands.migrate import migrate
from collector.commands.options import (
    ALSO_CONFIG,
    DEFAULT_CONFIG,
    JSON,
    counted,
    load_rules,
    load_settings,
    open_desk,
    open_store,
    say,
    show_json,
)
from collector.commands.recompute import recompute
from collector.commands.unwatched import unwatched
from common.language import told
from wire.both import Both, zh
from wire.cells import padded
from wire.exits import Exit, Failure
from wire.times import MINUTE_MS

if TYPE_CHECKING:
    import threading

    from collector.config import Config
    from collector.rules.rule import Rule
    from wire.collector_status import CollectorStatus


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command()
def run(
    config: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file."),
    named: Path | None = ALSO_CONFIG,
    workers: int = typer.Option(
        1, "--workers", min=1, max=64, help="Processes that check and write batches. Above 1 they are beside this one."
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Log only what is wrong."),
) -> None:
    """Take batches, write them, watch the rules, serve the page; until SIGTERM or Ctrl-C.

    SIGHUP: look at settings and rules as they stand now; when they can be used, end, so that whoever watches over this
    starts it anew with them; else say why, and go on as before.

    With --workers 2 or more, this process keeps the broker's connection, rules, alerts and pages, and passes each
    node's batches to one of so many others. Worth it where one core is busy and others are free: docs/scaling.md. The
    number may change at any restart; alerts, their state and everything kept stay.

    Example:  lamppost collector run /etc/lamppost/collector.yaml

    Example:  lamppost collector run collector.yaml --workers 3
    """
    import faulthandler
    import signal
    import threading

    from collector.program import serve
    from common import loglines

    config = named or config
    settings = load_settings(config)
    _check(settings)
    if workers > 1 and settings.store.kind == "sqlite":
        text = f"--workers {workers}: the store of {config} is an SQLite file, which one process writes at a time"
        raise Failure(Exit.CONFIGURATION, "workers-need-a-server", text, "set up InfluxDB, or leave --workers out")
    loglines.begin(quiet)
    faulthandler.enable()  # whom the watchdog ends says in the log where it hung
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    signal.signal(signal.SIGHUP, lambda *_: _hang_up(config, ending))
    serve(settings, ending, workers, quiet)


def _hang_up(config: Path, ending: threading.Event) -> None:
    """End for files that can be used, and never without a word; rules in force keep their state over the restart."""
    import logging

    log = logging.getLogger("lamppost.collector")
    try:
        _check(load_settings(config), as_the_service=True)
    except Failure as error:
        log.error("SIGHUP: goes on with settings and rules as they were: %s", error.line())
        return
    log.warning("SIGHUP: settings and rules can be used; ends, to be started anew with them")
    ending.set()


@app.command()
def check(file: Path = typer.Argument(..., help="The settings file."), as_json: bool = JSON) -> None:
    """Say whether settings and rules can be used. Everything that is wrong is named with line, key and cure.

    Example:  lamppost collector check collector.yaml
    """
    settings = load_settings(file)
    rules = _check(settings)
    page = f"page on port {settings.web.port}, days of {settings.web.time_zone}"
    text = f"{file}: fine. Store {settings.store.kind}, {counted(len(rules), 'rule')}, {page}."
    say(text, as_json, file=str(file), rules=len(rules))
    for slip in unwatched(settings, rules):
        typer.echo(slip, err=True)
    if rules and not settings.alerts.channels:
        typer.echo("alerts are shown on the pages and told to nobody: alerts.channels is empty", err=True)


@app.command()
def init(
    folder: Path = typer.Argument(Path("/etc/lamppost"), help="Where keys and settings go."),
    tls: bool = typer.Option(False, "--tls", help="Also an authority, certificates, and mosquitto's settings."),
    host: list[str] = typer.Option([], "--host", help="Name or address by which devices reach this machine."),
    name: str | None = typer.Option(None, "--name", help="The collector's name.", show_default="c1"),
    data: Path = typer.Option(Path("/var/lib/lamppost"), "--data", help="Where the collector keeps its own files."),
    broker_port: int = typer.Option(8883, "--broker-port", min=1, max=65535),
    enrol_port: int = typer.Option(8443, "--enrol-port", min=1, max=65535),
    renew: bool = typer.Option(False, "--renew", help="New certificates for collector and broker; keeps the rest."),
    roll_over: bool = typer.Option(False, "--roll-over", help="Begin with a new authority; both are believed."),
    drop_old: bool = typer.Option(False, "--drop-old", help="End a rollover: the old authority is believed no more."),
    signing_key: bool = typer.Option(False, "--new-signing-key", help="Another key to sign with; agents learn of it."),
    rules: bool = typer.Option(False, "--new-broker-rules", help="Who may do what at the broker, written anew."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask, where --drop-old would leave stations behind."),
) -> None:
    """Make keys, certificates and settings of a new installation, and say what to do next. Overwrites nothing.

    With --host the broker and the enrolment door listen on every address, without it on loopback only. --renew,
    --roll-over and --drop-old keep hosts and name. --new-signing-key (one was stolen or lost) and --new-broker-rules
    (mosquitto's file of them is gone) want no visit to any station. --drop-old asks where a station has not renewed
    since --roll-over.

    Example:  lamppost collector init --tls --host mqtt.city.example
    """
    from collector.init import Plan, begin, everywhere
    from collector.init import renew as make_again
    from wire import names

    if signing_key or rules:
        file = folder / "collector.yaml"
        _say_next(folder, _new_signing_key(load_settings(file)) if signing_key else _new_broker_rules(file))
        return
    again = renew or roll_over or drop_old
    if name is None:
        name = load_settings(folder / "collector.yaml").name if again else "c1"
    if not names.is_name(name):
        raise Failure(
            Exit.USAGE,
            "bad-name",
            Both(f"{name!r} is no name", f"{name!r} 不能作名称"),
            Both("small letters, digits and hyphens", "只能用小写字母、数字和连字符"),
        )
    hosts = (*host, *(one for one in ("127.0.0.1", "localhost") if one not in host)) if host or not again else ()
    listen = everywhere() if host else "127.0.0.1"
    plan = Plan(folder, name, hosts, tls, broker_port, enrol_port, listen, data)
    if drop_old and not yes:
        _ask_for_who_stays_behind(folder / "collector.yaml")
    steps = make_again(plan, roll_over, drop_old) if again else begin(plan)
    _say_next(folder, steps)


def _ask_for_who_stays_behind(config: Path) -> None:
    """A station that knows the old authority alone believes neither broker nor office afterwards."""
    from collector.identity.office import enrolment

    with open_desk(config) as (settings, file):
        behind = enrolment(settings, file).strangers(wall_ms())
    if not behind:
        return
    left = Both(
        f"not renewed since the rollover: {', '.join(behind)}", f"更换签发机构后还没有续期：{'、'.join(behind)}"
    )
    typer.echo(told(left), err=True)
    count = len(behind)
    question = Both(
        f"{count} station{'s' * (count != 1)} will then have to be enrolled again on the pole: drop the old authority?",
        f"有 {count} 个站点之后要到现场重新入网。停用旧的签发机构吗？",
    )
    if not typer.confirm(told(question), err=True):
        cure = Both(
            "each renews by itself within 90 days; lamppost stations retire NAME, of one that is gone",
            "各站点 90 天内会自动续期；已拆除的：lamppost stations retire NAME",
        )
        raise Failure(Exit.USAGE, "not-confirmed", Both("nothing was changed", "什么都没有改"), cure)


def _new_signing_key(settings: Config) -> list[str]:
    from collector.init import new_signing_key

    if settings.signing_key_file is None:
        text = Both("the settings name no signing_key_file", "配置里没有 signing_key_file")
        cure = Both("name the file to hold it", "请写明存放它的文件")
        raise Failure(Exit.CONFIGURATION, "no-signing-key", text, cure)
    return new_signing_key(settings.signing_key_file)


def _new_broker_rules(config: Path) -> list[str]:
    from collector.identity.book import Book
    from collector.identity.office import MOSQUITTO
    from collector.init import new_broker_rules

    with open_desk(config) as (settings, file):
        if settings.identities is None:
            text = Both("this collector has no certificate authority", "这个采集器没有证书签发机构")
            cure = Both("init --tls begins one", "用 init --tls 建立")
            raise Failure(Exit.CONFIGURATION, "no-identities", text, cure)
        inside = [each.node for each in Book(file).stations() if each.state == "active"]
        return new_broker_rules(settings.identities.folder.parent / MOSQUITTO, settings.name, inside)


def _say_next(folder: Path, steps: list[str]) -> None:
    typer.echo(told(Both(f"made {folder}. Next:", f"已建立 {folder}。下一步：")))
    for number, step in enumerate(steps, 1):
        typer.echo(f"  {number}. {told(step)}")


@app.command()
def status(
    config: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file; its broker is asked."),
    named: Path | None = ALSO_CONFIG,
    as_json: bool = JSON,
) -> None:
    """Which collectors are on the broker, and which of them works. Tells also what is wrong with the one on this
    machine.

    Exit code 1 when none works. One that has said nothing for 15 s does not: another takes over.

    Example:  lamppost collector status /etc/lamppost/collector.yaml
    """
    from collector.alerts.self_watch import in_chinese
    from collector.health.self_report import alarms_beside
    from collector.standby.roll_call import roll_call
    from collector.stations.fleet import is_retired
    from wire.collector_status import State

    settings = load_settings(named or config)
    found, now_ms = roll_call(settings), wall_ms()
    for name in [name for name, heard in found.items() if not heard.speaks and is_retired(settings, name)]:
        del found[name]  # the broker keeps its last word
    mine = found.get(settings.name)
    alarms = alarms_beside(settings.state_file, now_ms, mine is not None and mine.speaks)
    if as_json:
        said = [
            {"name": name, "state": one.state, "since_ms": one.since_ms, "said_ms": one.now_ms, "speaks": speaks,
             "version": one.version}
            for name, (one, speaks) in found.items()
        ]  # fmt: skip
        wrong = [{"alarm": name, "text": text, "since_ms": since_ms} for name, (text, since_ms) in alarms.items()]
        show_json({"schema": "lamppost.collector.status/1", "collectors": said, "alarms": wrong})
    else:
        for name, (one, speaks) in found.items():
            state, heard = told(_STATES[one.state]), told(_heard(one, speaks, now_ms))
            typer.echo(f"{name:<12} {padded(state, 10)} {padded(heard, 18)} {one.version}")
        if not found:
            nobody = Both(
                "no collector has been on this broker: does one run, and what does its log say?",
                "消息代理上还没有出现过采集器：它在运行吗？日志里写了什么？",
            )
            typer.echo(told(nobody))
        for name, (text, since_ms) in alarms.items():
            minutes, what = max(0, now_ms - since_ms) // MINUTE_MS, Both(text, in_chinese(name, text))
            typer.echo(told(Both(f"wrong for {minutes} min: {what}", f"故障已 {minutes} 分钟：{zh(what)}")))
    works = any(one.speaks and one.said.state is State.ACTIVE for one in found.values())
    raise typer.Exit(Exit.FINE if works else Exit.NOT_HEALTHY)


_STATES = {
    "undecided": Both("undecided", "判断中"),
    "standby": Both("standby", "待命"),
    "active": Both("active", "工作中"),
    "offline": Both("offline", "离线"),
}


def _heard(one: CollectorStatus, speaks: bool, now_ms: int) -> Both:
    if not one.now_ms:
        return Both("its last will", "遗嘱消息")
    seconds = f"{max(0, now_ms - one.now_ms) / 1000:.0f}"
    if speaks:
        return Both(f"said {seconds} s ago", f"{seconds} 秒前有消息")
    return Both(f"silent for {seconds} s", f"{seconds} 秒没有消息")


@app.command()
def database(
    config: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file; its store is looked at."),
    named: Path | None = ALSO_CONFIG,
    keep_days: int | None = typer.Option(
        None,
        "--keep-days",
        min=2,
        help="Let InfluxDB forget everything older. 0 days cannot be: use InfluxDB's own tools.",
    ),
    keep_all: bool = typer.Option(False, "--keep-all", help="Let InfluxDB forget nothing."),
    as_json: bool = JSON,
) -> None:
    """Make the database or bucket, and prove that it keeps what it takes. Sets how long it keeps.

    A canary is written, read back and removed. Exit code 7 when that fails.

    Example:  lamppost collector database collector.yaml --keep-days 800
    """
    from collector.stores import care
    from collector.stores.store import Stored, StoreDown

    settings = load_settings(named or config)
    with open_store(settings, "may this user change the database?") as store:
        if keep_days is not None or keep_all:
            store.prepare()
            store.keep_for(keep_days)
        answer = store.prepare()
        trouble, then = None, "readings would be lost there; see docs/storage.md"
        if not isinstance(answer, Stored):
            said, _, cure = answer.reason.partition(". Cure: ")
            trouble, then = f"{said}: readings would stay with their agents", cure or "see docs/storage.md"
        else:
            try:
                trouble = care.probe(store, settings.name, wall_ms())
            except StoreDown as error:
                trouble, then = f"the canary could not be read back or removed: {error}", "see docs/storage.md"
    if trouble is not None:
        raise Failure(Exit.STORE, "store-untrusted", trouble, then)
    if as_json:
        show_json({"store": settings.store.kind, "canary": "came back", "keep_days": keep_days})
    else:
        typer.echo(f"{settings.store.kind}: a canary was written, read back and removed")


app.command("backup")(backup)
app.command("standby")(standby)
app.command("migrate")(migrate)
app.command("recompute")(recompute)


@app.command()
def sample() -> None:
    """Print a settings file with every key explained.

    Example:  lamppost collector sample > collector.yaml
    """
    from collector.config import SAMPLE

    typer.echo(SAMPLE.read_bytes(), nl=False)  # a file is wanted, whatever letters this terminal has


def _check(settings: Config, as_the_service: bool = False) -> list[Rule]:
    """Whether rules, channels, keys and secrets can be used; the rules. Raises Failure.

    What a person may not read is no fault: it is the collector's own. It is one when the service itself may not.
    """
    from collector.identity.signing import signing_key
    from collector.notify import setup
    from collector.notify.channel import BadAddress
    from collector.stores.named import make_store
    from collector.web.certificate import Certificate
    from common.settings import broker_address

    rules = load_rules(settings)
    for channel in settings.alerts.channels:
        try:
            setup.channels(channel, setup.writer(settings), None, wall_ms)
        except BadAddress as error:
            raise Failure(Exit.CONFIGURATION, "channel-unusable", str(error)) from error
    for look in (
        lambda: signing_key(settings),
        lambda: broker_address(settings.broker),
        lambda: make_store(settings).close(),
        lambda: settings.web.tls and Certificate(settings.web.tls.cert, settings.web.tls.key),
    ):
        try:
            look()
        except Failure as failure:
            if as_the_service or failure.code is not Exit.NOT_PERMITTED:
                raise
    return rules
