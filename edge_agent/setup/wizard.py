"""The questions, one letter an answer, sixty columns, no mouse. Asks only what has not been answered yet."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import typer

from common.language import told
from edge_agent.commands.options import models
from edge_agent.setup.answers import SITE, WHERE, WHO, Answers, BrokerAnswer, position, separated
from edge_agent.setup.questions import ask, choose, indented
from edge_agent.setup.sensor_search import search_sensors
from wire import enrolment, names
from wire.both import Both, zh


def ask_all(answers: Answers, keep: Callable[[Answers], None], secrets_folder: Path) -> Answers:
    """Every answer there must be. `keep` hears of each, so that nothing is asked twice."""
    for step in (_station, _people, partial(_link, secrets_folder=secrets_folder), _sensors, _clock, _service):
        answers = step(answers)
        keep(answers)
    return answers


def _station(answers: Answers) -> Answers:
    if answers.node is None and answers.token is None:
        _step(1, Both("The station", "站点"))
        question = Both(
            "Have a [t]oken of the office, or [n]ame it here?", "有管理中心的令牌 [t]，还是在这里命名 [n]？"
        )
        letter = choose(question, "tn", "n")
        if letter == "t":
            answers = answers.with_(token=ask(Both("Token", "令牌"), "", _token))
        else:
            suggested = f"lp-{secrets.token_hex(2)}"
            answers = answers.with_(node=ask(Both("Name of this device", "本机名称"), suggested, _node))
    if answers.site is None:
        answers = answers.with_(site=ask(SITE, "", _name))
    return answers


def _people(answers: Answers) -> Answers:
    if answers.who is None:
        _step(2, Both("Who and where", "谁装的，装在哪里"))
        answers = ask(WHO, "-", lambda said: answers.with_(who=said))
    if answers.where is None:
        answers = ask(WHERE, "-", lambda said: answers.with_(where=said))
    if answers.lat is None:
        spot = ask(Both("Position, such as 39.9087,116.4605", "坐标（纬度,经度），如 39.9087,116.4605"), "-", position)
        if spot is not None:
            answers = answers.with_(lat=spot[0], lon=spot[1])
    return answers


def _link(answers: Answers, secrets_folder: Path) -> Answers:
    if answers.token is not None or answers.broker is not None:
        return answers
    _step(3, Both("The broker", "服务器"))
    host, *others = ask(Both("Host; of a cluster all, with commas", "地址；集群各节点用逗号分开"), "127.0.0.1", _hosts)
    broker = BrokerAnswer(host=host, port=ask(Both("Port", "端口"), "1883", _port), others=others)
    if choose(Both("Does it want a password?", "它要密码吗？"), "yn", "n") == "y":
        user, password = _login(answers, broker)
        file = secrets_folder / "lamppost.broker"
        _write_secret(file, password)
        broker = broker.model_copy(update={"username": user, "password_file": file})
    return answers.with_(broker=broker.model_dump())


def _login(answers: Answers, broker: BrokerAnswer) -> tuple[str, str]:
    """User and password, tried at once: a slip of the finger is seen here, not at the proof."""
    from common.field_types import Broker
    from common.settings import broker_address
    from edge_agent.identity.reach import why_not_let_in

    user, address = answers.node or "", broker_address(Broker(**broker.settings()))
    while True:
        user = typer.prompt(told(Both("User", "用户名")), default=user)
        password = ""
        while not password:
            password = typer.prompt(told(Both("Password", "密码")), hide_input=True, default="", show_default=False)
            if not password:
                typer.echo(
                    told(Both("  an empty one is none: type it, or Ctrl-C", "  密码不能为空：请输入，或按 Ctrl-C 退出"))
                )
        refused = why_not_let_in(replace(address, username=user, password=password), f"{answers.node or user}.setup")
        if refused is None:
            typer.echo(told(Both("  the broker lets us in", "  登录成功")))
            return user, password
        typer.echo(indented(refused))
        if choose(Both("[t]ype it again, or [k]eep it?", "重新输入 [t]，还是就用它 [k]？"), "tk", "t") == "k":
            return user, password


def _sensors(answers: Answers) -> Answers:
    if answers.sensors is not None and answers.sensors != "search":
        return answers
    _step(4, Both("Sensors", "传感器"))
    chosen = search_sensors(models(answers.profiles), by_person=True)
    return answers.with_(sensors=[sensor.model_dump() for sensor in chosen])


def _clock(answers: Answers) -> Answers:
    if answers.clock is not None:
        return answers
    from edge_agent.device.clock import synchronised

    if synchronised():
        return answers.with_(clock="when-synchronised")
    _step(5, Both("The clock has not been set by NTP yet", "时钟还没有由 NTP 校准"))
    typer.echo(told(Both("  Readings wait on this device until it is.", "  校准之前，读数先留在本机。")))
    question = Both("[w]ait for NTP, or [b]elieve it as it is?", "等待校准 [w]，还是相信现在的时钟 [b]？")
    letter = choose(question, "wb", "w")
    return answers.with_(clock="when-synchronised" if letter == "w" else "always")


def _service(answers: Answers) -> Answers:
    if answers.service is not None:
        return answers
    from edge_agent.device.service import systemd_runs

    if not systemd_runs():
        _step(6, Both("No systemd runs here: no service", "这里没有运行 systemd，不装服务"))
        return answers.with_(service=False)
    _step(6, Both("The service", "服务"))
    question = Both("Start by itself, also after a power cut?", "开机自动启动吗？断电恢复后也会启动")
    return answers.with_(service=choose(question, "yn", "y") == "y")


def _step(number: int, title: Both) -> None:
    typer.echo(told(Both(f"\n{number} of 6  {title}", f"\n第 {number} 步，共 6 步  {zh(title)}")))


def _token(said: str) -> str:
    enrolment.read_token(said)  # damaged in copying: better seen now than after the last question
    return said


def _hosts(said: str) -> list[str]:
    first, *others = separated(said)
    return [BrokerAnswer(host=first).host, *BrokerAnswer(others=others).others]


_NAMES_ARE = Both("small letters, digits and hyphens, please", "请用小写字母、数字和连字符")


def _port(said: str) -> int:
    if not (said.isdecimal() and 1 <= int(said) <= 65535):
        raise ValueError(Both("a number from 1 to 65535, please", "请输入 1 到 65535 之间的数字"))
    return int(said)


def _node(said: str) -> str:
    if not names.is_node(said):
        raise ValueError(_NAMES_ARE)
    return said


def _name(said: str) -> str:
    if not names.is_name(said):
        raise ValueError(_NAMES_ARE)
    return said


def _write_secret(file: Path, text: str) -> None:
    from common.whole_file import PRIVATE, write_whole

    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(file, text.encode(), PRIVATE)
