"""The command `lamppost`: finds the room that a word belongs to and imports that room only.

lamppost demo                    lamppost collector run FILE
lamppost agent status            lamppost profiles show NAME
"""

from __future__ import annotations

import errno
import inspect
import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NoReturn

import typer

from common.language import told
from wire.both import Both, same
from wire.exits import CORRECT_LINES, WITH_SUDO, Exit, Failure, of_file

ROOMS = {
    "demo": (
        "simulator.demo_cli:demo",
        Both(
            "Three lampposts, a broker, a collector and a page on this machine.",
            "在本机上运行三根灯杆、消息代理、采集器和网页。",
        ),
    ),
    "agent": (
        "edge_agent.cli:WORDS",
        Both("The agent on a device: setup, doctor, watch, run.", "设备上的采集程序：setup、doctor、watch、run。"),
    ),
    "profiles": (
        "edge_agent.commands.profiles",
        Both("Sensor profiles: list, show, check, decode.", "传感器型号：list、show、check、decode。"),
    ),
    "capture": (
        "edge_agent.commands.capture",
        Both("Sessions on serial lines: record, show, slice, play.", "串口会话：record、show、slice、play。"),
    ),
    "collector": (
        "collector.cli",
        Both("The collector: init, run, status, check.", "采集器：init、run、status、check。"),
    ),
    "stations": (
        "collector.commands.stations",
        Both(
            "Stations: list, show, accept, rename, doctor, config, retire, purge.",
            "站点：list、show、accept、rename、doctor、config、retire、purge。",
        ),
    ),
    "token": (
        "collector.commands.token",
        Both(
            "One-time tokens by which devices enrol: create, list, revoke.",
            "设备入网用的一次性令牌：create、list、revoke。",
        ),
    ),
    "user": (
        "collector.commands.user",
        Both("Operators' accounts: add, passwd, list, remove.", "值班人员的账号：add、passwd、list、remove。"),
    ),
    "trail": (
        "collector.commands.trail",
        Both("Who did what, hash-chained: list, verify.", "谁做了什么，以哈希链记录：list、verify。"),
    ),
    "gaps": ("collector.commands.gaps:gaps", Both("Every hole and its cause.", "所有缺口及其原因。")),
    "audit": (
        "collector.commands.gaps:audit",
        Both("Prove from the database that every batch arrived whole.", "用数据库证明每一批都完整入库。"),
    ),
    "quarantine": (
        "collector.commands.quarantine",
        Both("What could not be stored: list, show, redrive.", "无法入库的数据：list、show、redrive。"),
    ),
    "resend": (
        "collector.commands.resend:resend",
        Both("Ask a node to send again what a database has lost.", "请站点重发数据库丢失的数据。"),
    ),
    "query": (
        "collector.commands.query",
        Both("Canned questions, shown in InfluxQL, Flux and SQL.", "现成的查询，可看 InfluxQL、Flux 和 SQL。"),
    ),
    "export": (
        "collector.commands.export:export",
        Both(
            "Readings as open data: CSV, Parquet, or an archive of all.",
            "把读数导出为开放数据：CSV、Parquet 或整个归档。",
        ),
    ),
    "backfill": (
        "collector.commands.export:backfill",
        Both("Bring history from a file into the database.", "把文件里的历史数据写入数据库。"),
    ),
    "report": (
        "collector.commands.report:report",
        Both(
            "A day, a week or a month of the stations, in the terminal or as a page.",
            "站点的日报、周报或月报，在终端或网页上看。",
        ),
    ),
    "calibrate": (
        "collector.commands.calibrate",
        Both("Corrections on record: fit, formula, apply, list.", "登记在案的校准：fit、formula、apply、list。"),
    ),
    "grafana": (
        "collector.commands.grafana",
        Both("Data source and dashboards for Grafana.", "Grafana 的数据源和仪表盘。"),
    ),
    "alerts": (
        "collector.commands.alerts",
        Both(
            "What fires and who has it: list, show, ack, silence, history.",
            "正在告警的和处理人：list、show、ack、silence、history。",
        ),
    ),
    "rules": (
        "collector.commands.rules",
        Both("Alert rules: check, test, backtest, explain.", "告警规则：check、test、backtest、explain。"),
    ),
    "notify": (
        "collector.commands.notify",
        Both("Notifications: test the channels, see what was told.", "通知：测试渠道，查看发出过什么。"),
    ),
    "sim": (
        "simulator.sim_cli",
        Both(
            "A simulated city: scenarios, faults, fleets, and a verdict on what arrived.",
            "模拟的城市：场景、故障、大批站点，以及数据是否送达的判定。",
        ),
    ),
    "bench": (
        "benchmarks.cli:bench",
        Both(
            "Measure this machine: every figure of docs/performance.md.",
            "测量本机性能：docs/performance.md 中的每个数字。",
        ),
    ),
}
EXTRAS = {
    "bench": "collector",
    **{name: room for name, (place, _) in ROOMS.items() if (room := place.split(".")[0]) in ("collector", "simulator")},
}
"""The extra that brings what a word's room needs."""
OF_ITS_OWN = {"pyarrow": "parquet"}
"""A package that none of those brings, and the extra that does."""
ELSEWHERE = {
    **{
        word: [f"agent {word}"] for word in ("setup", "ports", "probe", "watch", "doctor", "identify", "spool", "enrol")
    },
    **{word: [f"agent {word}", f"collector {word}"] for word in ("status", "run")},
    **{word: [f"agent {word}", f"stations {word}"] for word in ("config",)},
    **{word: [f"alerts {word}"] for word in ("ack", "silence", "silences", "history")},
    "init": ["collector init"],
    "accept": ["stations accept"],
    "decode": ["profiles decode"],
}
"""Words that people try first, and behind which word they stand."""
OURS = frozenset(
    {
        "wire",
        "measures",
        "common",
        "device_profiles",
        "edge_agent",
        "collector",
        "firmware_stubs",
        "simulator",
        "benchmarks",
        "lamppost",
    }
)


def main() -> None:
    """Run the command line. Ends the process with one of the exit codes in `wire.exits`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the shell: `>&-`
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as the process
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal in GBK has no µ: a question mark, and no traceback
    words = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    word = words[0] if words else None
    try:
        if word in ELSEWHERE:
            ways = [f"lamppost {way}" for way in ELSEWHERE[word]]
            text = Both(f"{word} stands behind another word", f"{word} 要写在另一个词后面")
            raise Failure(Exit.USAGE, "word-elsewhere", text, Both(" or ".join(ways), " 或 ".join(ways)))
        code = _build(*words[:2])(prog_name="lamppost", standalone_mode=False)
    except Failure as failure:
        _end(failure)
    except typer.Abort:
        _end(_UNANSWERED) if not sys.stdin.isatty() else sys.exit(Exit.INTERRUPTED)
    except _refused_as_usage() as error:
        _end_as_usage(error)
    except ModuleNotFoundError as error:
        _end(_missing(word, error))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except _refused_as_file() as error:
        _end(Failure(Exit.CONFIGURATION, "file-invalid", str(error), CORRECT_LINES))
    except _refused_by_sqlite() as error:
        _end(_unusable(error))
    except OSError as error:
        _end(_refused_by_disk(error))
    else:  # not above: whatever passes the lines of `except` has each of them ask, and import, what it would refuse
        sys.exit(code)


def _build(word: str | None = None, second: str | None = None) -> typer.Typer:
    about = Both("Roadside sensing a city can trust.", "城市信得过的路边感知。")
    app = typer.Typer(
        help=told(about), no_args_is_help=True, add_completion=False, rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    for name, (place, help_text) in ROOMS.items():
        room = _import(place, second) if name == word else typer.Typer()
        if isinstance(room, typer.Typer):
            _keep_lines(room)
            app.add_typer(room, name=name, help=told(help_text), short_help=told(help_text))
        else:
            app.command(name, help=_with_kept_lines(room), short_help=told(help_text))(room)
    app.callback(invoke_without_command=True)(_version)
    return app


def _import(place: str, word: str | None = None) -> typer.Typer | Callable[..., None]:
    """The typer app or single command at `module:name`; the name is `app` when left out. A table of places, by their
    words, becomes an app; of a word that is in it nothing but that word, for the others take time to import. The table
    has their summaries in Chinese; in English they are the first sentence of their help.
    """
    module, _, name = place.partition(":")
    room: typer.Typer | Callable[..., None] | dict[str, tuple[str, str]] = getattr(import_module(module), name or "app")
    if not isinstance(room, dict):
        return room
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    for one in [word] if word in room else room:
        where, chinese = room[one]
        found, summary = _import(where), told(Both("", chinese)) or None
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=one, short_help=summary)
        else:
            app.command(one, short_help=summary)(found)
    return app


def _keep_lines(room: typer.Typer) -> None:
    """In every --help below `room` examples stay one a line, and summaries are wrapped: click would run the ones
    together and cut the others short.
    """
    for command in room.registered_commands:
        if command.callback is not None and command.help is None:
            command.help = _with_kept_lines(command.callback)
            first = re.split(r"(?<=\.)\s|\n\n", command.help, maxsplit=1)[0].replace("\n", " ")
            command.short_help = command.short_help or first
    for group in room.registered_groups:
        if group.typer_instance is not None:
            if not isinstance(group.short_help, str):
                group.short_help = group.help if isinstance(group.help, str) else group.typer_instance.info.help
            _keep_lines(group.typer_instance)


def _with_kept_lines(command: Callable[..., Any]) -> str:
    return re.sub(r"(?m)(?:\n*^|(?<=\.) +)(Examples?:)", "\n\n\b\n\\1", inspect.getdoc(command) or "")


def _missing(word: str | None, error: ModuleNotFoundError) -> Failure:
    """A package that an extra brings, named; any other missing module is a fault of ours and shows as it is."""
    from common.extras import cure

    package = (error.name or "").partition(".")[0]
    extra = OF_ITS_OWN.get(package) or EXTRAS.get(word or "")
    if extra is None or package in OURS:
        raise error
    text = Both(
        f"lamppost {word} needs the package {package}, which is not installed",
        f"lamppost {word} 需要软件包 {package}，还没有安装",
    )
    return Failure(Exit.CONFIGURATION, "extra-missing", text, cure(extra))


def _refused_as_usage() -> Any:
    """What typer raises for words that it cannot place: what its `BadParameter` is one of."""
    return typer.BadParameter.__bases__[0]


_UNANSWERED = Failure(
    Exit.USAGE,
    "not-answered",
    Both("nobody is here to answer a question", "没有人在这里回答问题"),
    Both("an option answers it: --help", "用选项回答：--help"),
)


def _refused_as_file() -> type[Exception]:
    """What a file of the user's raises that cannot be used, such as a profile in a folder of their own."""
    from common.strict_yaml import NotUsable

    return NotUsable


def _refused_by_sqlite() -> type[Exception]:
    """What SQLite raises for a file it may not use. Asked for, and so imported, once something was raised."""
    from sqlite3 import DatabaseError

    return DatabaseError


def _unusable(error: Exception) -> Failure:
    """A database file that is another user's, or damaged; anything else is a fault of ours and shows as it is."""
    from sqlite3 import DatabaseError, OperationalError

    from collector.files.sqlite_file import unusable

    if type(error) not in (DatabaseError, OperationalError):
        raise error
    return unusable("a database file of ours", error)


def _refused_by_disk(error: OSError) -> Failure:
    """What keeps us from a file: most often a forgotten sudo. Anything else is a fault of ours and shows as it is."""
    cure = _DISK_CURES.get(error.errno or 0)
    if cure is None or (error.filename is None and isinstance(error, PermissionError)):
        raise error
    where = same(error.filename) if error.filename else Both("the disk", "磁盘")
    return Failure(Exit.NOT_PERMITTED, "file-unusable", of_file(where, error), cure)


_DISK_CURES = {
    errno.EACCES: WITH_SUDO,
    errno.EPERM: WITH_SUDO,
    errno.ENOSPC: Both("make room: df -h", "腾出空间：df -h"),
    errno.EROFS: Both(
        "is the card failing? lamppost agent doctor --only disk",
        "存储卡快坏了？lamppost agent doctor --only disk",
    ),
}


def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True),
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("lamppost"))
        raise typer.Exit


def _end(failure: Failure) -> NoReturn:
    _tell_programs(failure)
    print(f"lamppost: {told(failure.line())}", file=sys.stderr)
    sys.exit(failure.code)


def _end_as_usage(error: Any) -> NoReturn:
    """People are shown how the command is used, or its whole help when they gave it no word."""
    path = error.ctx.command_path if error.ctx else "lamppost"
    _tell_programs(Failure(Exit.USAGE, "usage", error.format_message(), f"{path} --help"))
    error.show()
    sys.exit(Exit.USAGE)


def _tell_programs(failure: Failure) -> None:
    if "--json" in sys.argv:
        with suppress(OSError):  # a stdout that takes nothing may be what it is about
            print(json.dumps(failure.as_json(), ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
