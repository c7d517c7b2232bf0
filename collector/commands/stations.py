"""`lamppost stations`: what is known of them, care from the office over the broker, and who is let in or put out."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collector.clock import wall_ms
from collector.commands import station_config
from collector.commands.node import (
    NODE,
    TIMEOUT,
    as_agents_say,
    ask_node,
    end_with,
    known_words,
    must_be_called,
    node_of,
    nothing_of,
    state_of,
)
from collector.commands.options import (
    CONFIG,
    JSON,
    load_settings,
    open_desk,
    say,
    show_json,
    this_person,
)
from collector.commands.times import clock_of
from common.language import told
from wire.both import Both, joined, same, zh
from wire.cells import padded
from wire.exits import Exit, Failure, of_file

if TYPE_CHECKING:
    from collector.config import Config

LABEL = 10
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(station_config.app, name="config")


@app.command("list")
def list_all(
    stale: bool = typer.Option(False, "--stale", help="Only those whose link is down or whose readings wait."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Every station, enrolled or heard of: link, what waits there, names.

    Example:  lamppost stations list --stale
    """
    from collector.stations.fleet import roster

    settings = load_settings(config)
    with state_of(settings) as db:
        stations = roster(db, settings)
    at_ms = wall_ms()
    shown = [station for station in stations if not stale or station.is_stale(at_ms)]
    if as_json:
        show_json([station._asdict() for station in shown])
        return
    for station in shown:
        link = Both("never heard", "从未上线") if station.online is None else _link(station.online)
        link = RETIRED if station.state == "retired" else link
        since = waits = same("")
        if station.since_ms is not None:
            age = _ago(at_ms, station.since_ms)
            since = Both(f"for {age}", f"已 {zh(age)}")
        if station.oldest_ms is not None:
            age = _ago(at_ms, station.oldest_ms)
            waits = Both(f"oldest {age}", f"待发已等 {zh(age)}")
        columns = (padded(told(text), width) for text, width in ((link, 11), (since, 10), (waits, 18)))
        typer.echo(" ".join([f"{station.node:<16}", *columns, station.zh or station.en]).rstrip())
    some, every = len(shown), len(stations)
    typer.echo(told(Both(f"{some} of {every} stations", f"共 {every} 个站点，列出 {some} 个")), err=True)


RETIRED = Both("retired", "已停用")


def _link(is_online: bool) -> Both:
    return Both("online", "在线") if is_online else Both("OFFLINE", "离线")


@app.command("show")
def show(node: str = NODE, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """All that is known of one station: link, sensors, installation, settings.

    Example:  lamppost stations show lp-0017
    """
    from collector.stations.fleet import history, is_retired
    from collector.stations.names import names_of
    from collector.stations.technician import installations

    settings, known = node_of(config, node)
    birth, is_out = known.birth, is_retired(settings, node)
    with state_of(settings) as db:
        installed, sent = installations(db, node), history(db, node)
        called = names_of(db, settings).get(node, ("", ""))
    if as_json:
        facts = {
            "node": node, "site": birth.site, "zh": called[0], "en": called[1], "retired": is_out,
            "online": known.online and not is_out, "since_ms": None if is_out else known.since_ms,
            "version": birth.version, "clock": birth.clock, "sensors": [asdict(sensor) for sensor in birth.sensors],
            "vitals": birth.vitals,
            "installed": [{"at_ms": at_ms, **record} for at_ms, record in installed],
            "config": [version._asdict() for version in sent],
        }  # fmt: skip
        show_json(facts)
        return
    clock = clock_of(settings.web.time_zone)
    typer.echo(" ".join([f"{node} ", *called]).rstrip())
    _tell(Both("site", "地点"), same(birth.site))
    link, since = _link(known.online), clock(known.since_ms)
    link = Both(f"{link} since {since}", f"{zh(link)}，始于 {since}")
    _tell(Both("link", "连接"), RETIRED if is_out else link)
    _tell(Both("agent", "程序"), Both(f"{birth.version}, clock {birth.clock}", f"{birth.version}，时钟 {birth.clock}"))
    rows = f"{birth.vitals.get('spool_rows', 0):g}"
    waits = Both(f"{rows} readings", f"{rows} 条读数")
    if birth.oldest_ms is not None:
        oldest = clock(birth.oldest_ms)
        waits = Both(f"{waits}, the oldest of {oldest}", f"{zh(waits)}，最早的测于 {oldest}")
    _tell(Both("waits", "待发"), waits)
    for sensor in birth.sensors:
        _tell(Both("sensor", "传感器"), same(f"{sensor.name:<12} {sensor.profile}"))
    for at_ms, record in installed[:1]:
        who, where = record.get("who") or "?", record.get("where") or ""
        by = Both(f"{clock(at_ms)} by {who} {where}".rstrip(), f"{clock(at_ms)}，安装人 {who} {where}".rstrip())
        _tell(Both("installed", "安装"), by)
        _tell_place(settings, node, record)
    for one in sent[:1]:
        at, who = clock(one.at_ms), one.who
        version = Both(
            f"version {one.version}, {one.outcome}, {at} by {who}",
            f"版本 {one.version}，{one.outcome}，{at}，{who}",
        )
        _tell(Both("settings", "配置"), version)


def _tell(label: Both, text: Both) -> None:
    typer.echo(padded(told(label), LABEL) + told(text))


def _tell_place(settings: Config, node: str, record: dict[str, Any]) -> None:
    """Where its technician says it stands; the public sees that only when the collector's settings say it too."""
    lat, lon = record.get("lat"), record.get("lon")
    if not (isinstance(lat, float) and isinstance(lon, float) and abs(lat) <= 90 and abs(lon) <= 180):
        return
    _tell(Both("place", "坐标"), same(f"{lat:.5f}, {lon:.5f}"))
    if not any(named.node == node and named.lat is not None for named in settings.stations):
        unseen = Both(
            "not on the map; in the collector's settings, under stations:",
            "不在地图上；请写进采集器配置的 stations：",
        )
        _tell(same(""), unseen)
        _tell(same(""), same(f"- {{node: {node}, zh: ..., en: ..., lat: {lat:.5f}, lon: {lon:.5f}}}"))


@app.command("rename")
def rename(
    node: str = NODE,
    name_zh: str = typer.Option("", "--zh", help="Its name in Chinese."),
    name_en: str = typer.Option("", "--en", help="Its name in English."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Call a station otherwise. The node's own name, its readings and its history stay as they are.

    Example:  lamppost stations rename lp-0017 --zh 建国路东口 --en "Jianguo Rd East"
    """
    from collector.stations.fleet import note
    from collector.stations.names import names_of
    from collector.stations.names import rename as call

    given = name_zh.strip(), name_en.strip()
    if not any(given):
        either = Both("--zh, --en, or both", "--zh、--en，或者都写")
        raise Failure(Exit.USAGE, "no-name", Both("a name is wanted", "需要名称"), either)
    if not (odd := "".join(given)).isprintable():
        text = Both(f"{odd!r} has control characters", f"{odd!r} 含有控制字符")
        raise Failure(Exit.USAGE, "no-name", text, Both("a name is one line of text", "名称是一行文字"))
    settings = load_settings(config)
    must_be_called(settings, node)
    with state_of(settings) as db:
        call(db, node, *given)
        called = names_of(db, settings)[node]  # one that was not given stays
    names = " / ".join(name or "-" for name in called)
    note(settings, this_person(), "renamed", f"{node}: {names}", wall_ms())
    text = Both(f"{node} is called {names}", f"{node} 现在叫 {names}")
    say(text, as_json, node=node, zh=called[0], en=called[1])


@app.command("doctor")
def doctor(
    node: str = NODE,
    only: list[str] = typer.Option([], "--only", help="These checks only."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Show what is wrong only."),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Have a station examine itself, and show its report. Exit code 1 when something fails there.

    Example:  lamppost stations doctor lp-0017
    """
    answer = ask_node(config, node, "doctor", {"only": only}, timeout)
    if as_json:
        show_json(answer)
    with as_agents_say(node):
        if answer.get("ok") and not as_json:
            for result in answer["results"]:
                if quiet and result["state"] not in ("warn", "fail"):
                    continue
                word = result["state"].upper() if result["state"] == "fail" else result["state"]
                text, cure = (told(Both(result[key], result.get(f"{key}_zh", result[key]))) for key in ("text", "cure"))
                typer.echo(f" {word:<4}  {result['id']:<20} {text}")
                if cure:
                    typer.echo(f"       -> {cure}")
        end_with(answer, lambda: all(result["state"] != "fail" for result in answer["results"]))


@app.command("identify")
def identify(
    node: str = NODE,
    seconds: float = typer.Option(30.0, "--seconds", min=1, max=600),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Make a station blink: which of the boxes is it?

    Example:  lamppost stations identify lp-0017
    """
    answer = ask_node(config, node, "identify", {"seconds": seconds}, timeout)
    if answer.get("ok"):
        with as_agents_say(node):
            led, length = answer["led"], f"{answer['seconds']:g}"
        text = Both(f"{node} blinks its LED {led} for {length} s", f"{node} 的灯 {led} 正在闪，{length} 秒")
        say(text, as_json, node=node, led=led)
    end_with(answer)


@app.command("frames")
def frames(node: str = NODE, timeout: float = TIMEOUT, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """The newest frame of each of a station's sensors. Byte for byte, with the newest damaged one.

    Example:  lamppost stations frames lp-0017
    """
    answer = ask_node(config, node, "frames", {}, timeout)
    if as_json:
        show_json(answer)
    else:
        clock = clock_of(load_settings(config).web.time_zone)
        with as_agents_say(node):
            for sensor in answer.get("sensors", []):
                count = Both(f"{sensor['frames']} frames", f"{sensor['frames']} 帧")
                typer.echo(f"{sensor['name']}  {sensor['profile']}  {told(count)}")
                if "frame" in sensor:
                    values = "  ".join(f"{name} {value:g}" for row in sensor["values"] for name, value in row.items())
                    typer.echo(f"  {clock(sensor['at_ms'])}  {sensor['frame']}\n  {values}")
                if "bad" in sensor:
                    reason = sensor["reason"]
                    damaged = told(Both(f"bad: {reason}", f"坏帧：{reason}"))
                    typer.echo(f"  {clock(sensor['bad_at_ms'])}  {damaged}  {sensor['bad']}")
    end_with(answer)


@app.command("accept")
def accept(
    node: str = NODE,
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
        cure = Both(
            "on the device: lamppost agent enrol request NODE --out FILE",
            "在设备上：lamppost agent enrol request NODE --out FILE",
        )
        raise Failure(Exit.CONFIGURATION, "request-unreadable", of_file(request, error), cure) from error
    with open_desk(config) as (settings, file):
        try:
            answer = as_file(enrolment(settings, file).accept(node, asked, this_person(), wall_ms()))
        except Refused as error:
            raise Failure(Exit.CONFIGURATION, error.word, str(error)) from error
        except BrokerSilent as error:
            raise Failure(
                Exit.NETWORK, "broker-silent", str(error), Both("is the broker up?", "消息代理在运行吗？")
            ) from error
    if out is None:
        typer.echo(answer.decode())
        return
    try:
        out.write_bytes(answer)
    except OSError as error:
        cure = Both("the same again with another --out: it may be repeated", "换一个 --out 再来一次：可以重复执行")
        raise Failure(Exit.NOT_PERMITTED, "file-unwritable", of_file(out, error), cure) from error
    step = f"lamppost agent enrol import {out.name}"
    typer.echo(told(Both(f"{out}: on the device, {step}", f"{out}：在设备上执行 {step}")))


@app.command("retire")
def retire(node: str = NODE, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Put a station out, now: stolen, sold, taken down. Its readings stay; it can be enrolled again with a new token.

    Example:  lamppost stations retire lp-0017
    """
    from collector.identity.enrolment import OutForNow, Refused
    from collector.identity.office import enrolment
    from collector.identity.registrar import BrokerSilent

    with open_desk(config) as (settings, file):
        if settings.identities is None:
            text = Both(
                f"this collector has no authority, so {node} has no certificate to revoke",
                f"这个采集器没有证书签发机构，{node} 没有可吊销的证书",
            )
            cure = Both(
                "write it down as removed on its page of /ops: nobody is called for its silence then",
                "请在 /ops 的站点页登记为已拆除：它无数据时就不再通知",
            )
            raise Failure(Exit.CONFIGURATION, "no-identities", text, cure)
        office = enrolment(settings, file)
        if not office.book.knows(node) and node not in known_words(settings, "node"):
            raise nothing_of(
                settings,
                node,
                Both(f"nothing is known of {node}, and nothing was done", f"没有 {node} 的任何记录，什么都没有做"),
            )
        try:
            count = office.retire(node, this_person(), wall_ms())
        except Refused as error:
            raise Failure(Exit.USAGE, error.word, f"{node!r}: {error}", "lamppost stations") from error
        except BrokerSilent as error:
            text = Both(
                f"{node} is on the list of the revoked, but the broker could not be told: {error}",
                f"{node} 已列入吊销名单，但没能通知消息代理：{error}",
            )
            cure = Both("say it again when the broker is up", "消息代理恢复后再执行一次")
            raise Failure(Exit.NETWORK, "broker-silent", text, cure) from error
        except OutForNow as error:
            text = Both(
                f"{node} is out at the broker for now, but it could not be written down: {error}",
                f"消息代理暂时已不让 {node} 登录，但没能记录下来：{error}",
            )
            cure = Both("make room (df -h), then say it again", "腾出空间（df -h），再执行一次")
            raise Failure(Exit.NOT_PERMITTED, "not-written", text, cure) from error
    text = Both(
        f"{node}: out at the broker; {count} certificates revoked",
        f"{node}：消息代理已不让它登录；吊销了 {count} 张证书",
    )
    say(text, as_json, node=node, certificates=count)


@app.command("purge")
def purge(
    node: str = NODE,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Forget a station: readings, quarantine, births, reports. It cannot be undone; only the trail keeps its name.

    Retire it first, or it will begin anew, and stop the collector meanwhile, or it writes down again what it has in
    mind. The lampposts keep what they measure. Its own disk: lamppost agent spool purge, on the device.

    Example:  lamppost stations purge lp-0017
    """
    from collector.stations.purge import purge
    from collector.stores.store import StoreDown

    question = Both(f"forget every reading of {node}, for ever?", f"永久清除 {node} 的全部读数吗？")
    if not yes and not typer.confirm(told(question), err=True):
        raise Failure(Exit.USAGE, "not-confirmed", Both("nothing was purged", "什么都没有清除"), "--yes")
    with open_desk(config) as (settings, file):
        is_known = node in known_words(settings, "node")
        try:
            gone = purge(settings, node)
        except StoreDown as error:
            raise Failure(
                Exit.STORE, "store-down", str(error), Both("is the database up?", "数据库在运行吗？")
            ) from error
        except ValueError as error:
            raise Failure(Exit.USAGE, "bad-node", str(error)) from error
        if not is_known and not any(gone.values()):
            raise nothing_of(settings, node, Both(f"nothing is known of {node}", f"没有 {node} 的任何记录"))
        file.note(this_person(), "purged", node, wall_ms())
    what = same(", ".join(f"{n} {what}" for what, n in sorted(gone.items()) if n)) or Both("nothing", "没有")
    say(Both(f"{node} is forgotten: {what}", f"{node} 已清除：{zh(what)}"), as_json, node=node, gone=gone)


def _ago(at_ms: int, then_ms: int) -> Both:
    """A length of time in its largest unit: 3 d, 5 min."""
    seconds = max(0, at_ms - then_ms) // 1000
    for unit, size in ((Both("d", "天"), 86400), (Both("h", "小时"), 3600), (Both("min", "分钟"), 60)):
        if seconds >= size:
            return joined(" ", [f"{seconds // size}", unit])
    return joined(" ", [f"{seconds}", Both("s", "秒")])
