"""`lamppost agent setup`: from an empty board to a reading that was read back from the city's database."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from common.language import told
from edge_agent.commands.options import DEFAULT_CONFIG, models
from wire.both import Both, joined, same, zh
from wire.exits import Exit, Failure, of_file

if TYPE_CHECKING:
    from edge_agent.settings.config import Config
    from edge_agent.setup.answers import Answers, Notebook
    from edge_agent.setup_web.live import Live
    from edge_agent.setup_web.setup_page import SetupPage


def setup(
    from_file: Path | None = typer.Option(None, "--from", help="Answers from a file or a QR code's text; - is stdin."),
    config: Path = typer.Option(DEFAULT_CONFIG, "--config", "-c", help="The settings file to write."),
    anew: bool = typer.Option(False, "--anew", help="Begin anew, also when a settings file is there."),
    web: bool = typer.Option(False, "--web", help="Ask on a page for a phone instead, for 15 minutes."),
    listen: str = typer.Option("127.0.0.1:8088", "--listen", help="Where that page is served; 0.0.0.0 is everywhere."),
    profiles: Path | None = typer.Option(None, "--profiles", help="A folder of your own sensor models."),
    port: list[str] = typer.Option([], "--port", hidden=True, help="Search these ports only."),
    proof_s: float = typer.Option(200.0, "--proof-seconds", help="How long to wait for readings to be read back."),
    as_json: bool = typer.Option(False, "--json", help="Print the installation record as JSON."),
) -> None:
    """Set up this station, and prove it by a reading read back from the database. Asks for sensors, place, broker,
    service.

    Can be stopped at any time and goes on where it was. Exit code 1 when not every sensor could be read back.

    Examples:  sudo lamppost agent setup
               sudo lamppost agent setup --from answers.yaml
               sudo lamppost agent setup --web --listen 0.0.0.0
    """
    from edge_agent.setup.answers import Notebook

    def say(text: str) -> None:
        typer.echo(told(text), err=as_json)

    config = config.absolute()  # the settings name what lies beside them, and the service starts elsewhere
    notebook = Notebook(config.with_name(f"{config.stem}.setup.json"))
    began_s = time.monotonic()
    if web and (not config.exists() or anew):
        from edge_agent.commands.ports import free_ports
        from edge_agent.setup_web.live import Live

        live = Live(lambda: port or free_ports(), profiles)
        raise typer.Exit(_by_phone(notebook, config, listen, live, began_s, proof_s, as_json))
    if config.exists() and not anew:
        there = Both(
            f"{config} is there: it is kept as it is, and proved.   (--anew begins anew)",
            f"已有 {config}：保持原样，只做验证。（--anew 重新开始）",
        )
        say(there)
        answers = notebook.read() or _told_before(config)
    else:
        answers = _given(notebook, from_file, anew, profiles)
        _write_settings(answers, config)
        notebook.keep(answers)
        say(Both(f"\nwritten: {config}", f"\n已写入：{config}"))
    record, proved = _prove(answers, config, began_s, proof_s, say)
    typer.echo(json.dumps(record, ensure_ascii=False) if as_json else told(_screen(record)))
    if proved:
        notebook.forget()
    raise typer.Exit(Exit.FINE if proved else Exit.NOT_HEALTHY)


def _given(notebook: Notebook, from_file: Path | None, anew: bool, profiles: Path | None) -> Answers:
    """The answers of a file, or of whoever sits here; what was kept of them before goes on. Raises Failure."""
    from edge_agent.setup.answers import Answers, read_answers
    from edge_agent.setup.questions import a_person_is_here
    from edge_agent.setup.sensor_search import search_sensors
    from edge_agent.setup.wizard import ask_all

    if from_file is not None:
        answers = read_answers(_text(from_file), str(from_file))
    else:
        answers = Answers() if anew else _remembered(notebook)
    folder = profiles or answers.profiles
    answers = answers.with_(profiles=None if folder is None else folder.absolute())  # the service is elsewhere
    if a_person_is_here() and from_file is None:
        return ask_all(answers, notebook.keep, Path("/etc/credstore"))
    return _without_questions(answers, partial(search_sensors, models(answers.profiles)))


def _told_before(config: Path) -> Answers:
    """Who set the station up, and where, as the record says that was kept here: it is proved once more, not moved."""
    from common.settings import load_settings
    from edge_agent.settings.config import SETTINGS_CURE, Config
    from edge_agent.setup.answers import Answers

    settings = load_settings(Config, config, SETTINGS_CURE)
    try:
        record = json.loads(_record_file(settings).read_text(encoding="utf-8"))
        told = {name: record[name] for name in ("who", "where", "lat", "lon")}
        photo = record["photo"] and record["photo"]["file"]
        return Answers(**told, photo=photo) if record["node"] == settings.node else Answers()
    except (OSError, ValueError, KeyError, TypeError):
        return Answers()


def _by_phone(
    notebook: Notebook, config: Path, listen: str, live: Live, began_s: float, proof_s: float, as_json: bool
) -> Exit:
    """The same set-up with the answers from a page; what the terminal shows, the phone shows too."""
    from edge_agent.setup.answers import Answers
    from edge_agent.setup_web.setup_page import open_page
    from edge_agent.setup_web.suggested import suggested

    def echo(text: str) -> None:
        typer.echo(told(text), err=as_json)

    def say(text: str) -> None:
        echo(text)
        page.say(text)

    known = notebook.read() or Answers()
    notebook.keep(known)  # a forgotten sudo is told now, and not after all was typed
    page = open_page(listen, live, suggested(known), echo)
    with closing(page):
        answers = _written(page, notebook, config, echo)
        page.live.stop()
        say(Both(f"written: {config}", f"已写入：{config}"))
        try:
            record, proved = _prove(answers, config, began_s, proof_s, say)
        except (Failure, OSError) as error:
            page.say(_failure(error).line())
            page.finish("unproved")
            raise
        typer.echo(json.dumps(record, ensure_ascii=False) if as_json else told(_screen(record)))
        page.say(_screen(record))
        if proved:
            notebook.forget()
        page.finish("unproved" if not proved else "proved_but" if "fail" in record["checks"].values() else "proved")
    return Exit.FINE if proved else Exit.NOT_HEALTHY


def _written(page: SetupPage, notebook: Notebook, config: Path, echo: Callable[[str], None]) -> Answers:
    """The page's answers, once settings could be made of them."""
    trouble = None
    while True:
        answers = _without_questions(page.answers(trouble), search=None)
        try:
            notebook.keep(answers)
            _write_settings(answers, config)
        except (Failure, OSError) as error:
            trouble = _failure(error)
            echo(trouble.line())
        else:
            return answers


def _failure(error: Failure | OSError) -> Failure:
    """What the phone is told."""
    if isinstance(error, Failure):
        return error
    where = same(error.filename) if error.filename else Both("the disk", "磁盘")
    return Failure(Exit.NOT_PERMITTED, "file-unusable", of_file(where, error))


def _remembered(notebook: Any) -> Answers:
    from edge_agent.setup.answers import Answers
    from edge_agent.setup.questions import a_person_is_here, choose

    known: Answers | None = notebook.read()
    if known is None or not a_person_is_here():
        return Answers()
    whose = same(known.node) if known.node else Both("this device", "本机")
    typer.echo(told(Both(f"A set-up of {whose} was begun here.", f"这里有 {zh(whose)} 未完成的安装。")))
    question = Both("[g]o on with it, or begin [a]new?", "继续 [g]，还是重新开始 [a]？")
    return known if choose(question, "ga", "g") == "g" else Answers()


def _without_questions(answers: Answers, search: Any) -> Answers:
    """What a file left open takes its default; what has none is missing."""
    from edge_agent.device.service import systemd_runs

    missing = [same("site")] if answers.site is None else []
    if answers.node is None and answers.token is None:
        missing.append(Both("node or token", "node 或 token"))
    if missing:
        text = Both(f"the answers lack {', '.join(missing)}", f"答案中缺少 {'、'.join(map(zh, missing))}")
        cure = Both("add them, or run this on a terminal", "补上，或在终端上运行")
        raise Failure(Exit.CONFIGURATION, "answers-missing", text, cure)
    if answers.sensors in (None, "search"):
        answers = answers.with_(sensors=[sensor.model_dump() for sensor in search(by_person=False)])
    return answers.with_(
        broker=(answers.broker.model_dump() if answers.broker is not None else None if answers.token else {}),
        clock=answers.clock or "when-synchronised",
        service=systemd_runs() if answers.service is None else answers.service,
    )


def _write_settings(answers: Answers, config: Path) -> None:
    from edge_agent.settings.edit import replace_checked
    from edge_agent.setup.settings_text import settings_text

    node, identity, broker = answers.node, None, {}
    if answers.token is not None:
        from edge_agent.identity.enrol import by_token_once

        identity = config.with_name("identity")
        office = by_token_once(answers.token, identity)
        node, broker = office.node, {"host": office.broker_host, "port": office.broker_port}
    elif answers.broker is not None:
        broker = answers.broker.settings()
    assert node is not None
    text = settings_text(answers, node, identity, broker, time.strftime("%Y-%m-%d", time.gmtime()))
    config.parent.mkdir(parents=True, exist_ok=True)
    replace_checked(config, text)
    _give_to_service(config.parent)


def _give_to_service(folder: Path) -> None:
    """The agent's user owns its settings: it takes new ones from the office. What has another owner keeps it: a
    collector that lives here has its broker's files there.
    """
    import pwd

    if os.geteuid() != 0:
        return
    try:
        user = pwd.getpwnam("lamppost")
    except KeyError:
        return
    for path in (folder, *folder.rglob("*")):
        if path.lstat().st_uid == 0:
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def _prove(
    answers: Answers, config: Path, began_s: float, proof_s: float, say: Callable[[str], None]
) -> tuple[dict[str, Any], bool]:
    from contextlib import nullcontext

    from common.settings import load_settings
    from edge_agent.device import running
    from edge_agent.device.service import install, is_active
    from edge_agent.doctor.result import Station
    from edge_agent.doctor.run import CHECKS, chosen, examine
    from edge_agent.doctor.screen import of_one, screen
    from edge_agent.settings.config import Config
    from edge_agent.setup import proof
    from edge_agent.setup.record import make

    settings = load_settings(Config, config, "lamppost agent setup")
    results, took_s = examine(Station(config), chosen(["broker", "serial", "clock"]))
    bad = [result for result in results if result.state not in ("ok", "skip")]
    if bad:
        say(screen(results, took_s, everything=False))
    if answers.service:
        install(config, say=say)
    there_and_back = Both(
        f"\nA reading of each sensor, there and back (up to {proof_s:g} s):",
        f"\n每个传感器的一条读数，存入数据库再读回（最多 {proof_s:g} 秒）：",
    )
    say(there_and_back)
    runs = is_active() or running.find(settings.status_file) is not None
    context = nullcontext() if runs else proof.agent_of_our_own(config, settings, say)
    with context:
        found = proof.read_back(settings, began_s, say, proof_s)
        checks, _ = examine(Station(config), CHECKS)
        told = {result.id for result in bad} | {f"sensor.{name}" for name in found}
        for result in checks:
            if result.id not in told and (result.state in ("warn", "FAIL") or result.id.startswith("sensor.")):
                say(of_one(result))
        record = make(answers, settings, checks, found)
        _send(settings, record, say)
    _keep(settings, record)
    return record, len(found) == len(settings.sensors)


def _send(settings: Config, record: dict[str, Any], say: Callable[[str], None]) -> None:
    from edge_agent.identity.reach import ask_collector

    try:
        answer = ask_collector(settings, "installation", {"record": record})
    except Failure as failure:
        stays = Both(f"the record stays here: {failure}", f"安装记录留在本机：{zh(failure.message)}")
        typer.echo(told(stays), err=True)
        return
    if answer.get("ok"):
        number = answer["number"]
        say(Both(f"\nsent to the city as record {number}", f"\n已上报管理中心，记录号 {number}"))


def _keep(settings: Config, record: dict[str, Any]) -> None:
    from common.whole_file import write_whole

    file = _record_file(settings)
    try:
        write_whole(file, json.dumps(record, ensure_ascii=False, indent=1).encode() + b"\n")
    except OSError as error:
        typer.echo(told(of_file(file, error)), err=True)


def _record_file(settings: Config) -> Path:
    return settings.spool.path.with_name("installation.json")


def _screen(record: dict[str, Any]) -> Both:
    from edge_agent.setup.record import screen

    return joined("\n", ["", screen(record)])


def _text(file: Path) -> str:
    try:
        return (sys.stdin.buffer.read(65_536) if str(file) == "-" else file.read_bytes()).decode()
    except OSError as error:
        raise Failure(Exit.CONFIGURATION, "answers-unreadable", of_file(file, error)) from error
    except UnicodeDecodeError as error:
        text, cure = Both(f"{file}: not UTF-8", f"{file}：不是 UTF-8 编码"), Both("save it as UTF-8", "请存为 UTF-8")
        raise Failure(Exit.CONFIGURATION, "answers-unreadable", text, cure) from error
