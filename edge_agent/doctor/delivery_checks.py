"""Do readings arrive, and is there room for those that wait?"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from edge_agent.device.clock import wall_ms
from edge_agent.doctor.result import Result, Station, fail, needs, ok, skip, warn
from edge_agent.screens.status import is_full, link_trouble
from edge_agent.screens.words import span
from edge_agent.spool.place import is_read_only, nearest_folder
from wire.both import Both, same, zh
from wire.exits import Failure, reason
from wire.times import HOUR_MS

if TYPE_CHECKING:
    from edge_agent.settings.config import Config

WAITING_S = 120.0
ROOM_DAYS = 7.0
_OFFICE = Both("nothing is lost; tell the office", "数据没有丢；请告知管理中心")
_MENDED = Both(
    "sudo lamppost agent service restart; it is mended at start",
    "sudo lamppost agent service restart，启动时会自动修复",
)
_NOTHING_LOST = Both("nothing is lost; see broker.*, collector.ack", "数据没有丢；请看 broker.* 和 collector.ack")
_NOT_LET_IN = ("refused: Not authorized", "refused: Bad user name or password")
FREE_BYTES_MIN = 50 * 2**20


def collector_ack(station: Station) -> Result:
    """The whole way: a reading is in the database, and the collector has said so."""
    check = "collector.ack"
    if station.settings is None:
        return skip(check, needs("config.valid"))
    said = station.said
    if said is not None and said["connected_s"] is None:
        if said.get("link_trouble") in _NOT_LET_IN:  # a password that was put right meanwhile it does not know
            cure = Both(
                "is broker.auth well now? Then sudo systemctl restart lamppost-agent",
                "broker.auth 现在正常了吗？正常就 sudo systemctl restart lamppost-agent",
            )
            why = link_trouble(said)
            return warn(check, Both(f"the agent is not let in: {why}", f"采集程序登录不上：{zh(why)}"), cure)
        return skip(check, Both("the agent is not connected: see broker.*", "采集程序没有连上：请看 broker.*"))
    from edge_agent.identity.reach import ask_collector

    began_s = time.monotonic()
    try:
        answer = ask_collector(station.settings, "stored", {"from_ms": wall_ms() - HOUR_MS}, "doctor-ask", 4.0)
    except Failure as failure:
        if failure.word != "no-answer":
            return skip(check, needs("broker.auth"))
        if said is not None and said["waiting_rows"] == 0 and said["accepted"]:
            return ok(check, Both("everything accepted here is stored there", "本机收下的读数都已入库"))
        text = Both("no collector answers; readings wait here", "采集器没有应答，读数先留在本机")
        return fail(check, text, _OFFICE)
    except OSError as error:
        return skip(check, Both(f"needs broker.*: {error}", f"需先通过 broker.*：{zh(reason(error))}"))
    return _of_the_answer(check, answer, (time.monotonic() - began_s) * 1000, said)


def _of_the_answer(check: str, answer: dict[str, Any], took_ms: float, said: dict[str, Any] | None) -> Result:
    """`answer` is the collector's, signed; `said` what the agent last said of itself."""
    if not answer.get("ok"):
        start = Both(
            "no agent runs here: sudo systemctl start lamppost-agent",
            "采集程序没有运行：sudo systemctl start lamppost-agent",
        )
        text = Both(f"collector: {answer.get('error', 'no reason')}", f"采集器：{answer.get('error', '没有说明原因')}")
        return fail(check, text, start if said is None else _OFFICE)
    newest_ms = max((sensor["time_ms"] for sensor in answer["sensors"]), default=None)
    oldest_ms = said["oldest_ms"] if said is not None else None
    if oldest_ms is not None and wall_ms() - oldest_ms > WAITING_S * 1000 and said is not None:
        rows, age = said["waiting_rows"], span((wall_ms() - oldest_ms) / 1000)
        waiting = Both(f"{rows} readings wait since {age}", f"{rows} 条读数待发，最早的已等 {zh(age)}")
        cure = Both(
            "nothing is lost; it should go down: lamppost agent status",
            "数据没有丢；待发数应当减少：lamppost agent status",
        )
        return warn(check, waiting, cure)
    stored = Both("nothing stored in an hour", "一小时内没有入库")
    if newest_ms:
        age = span((wall_ms() - newest_ms) / 1000)
        stored = Both(f"newest stored {age} ago", f"最近一次入库在 {zh(age)}前")
    return ok(check, Both(f"answers in {took_ms:.0f} ms, {stored}", f"{took_ms:.0f} 毫秒应答，{zh(stored)}"))


def spool_integrity(station: Station) -> Result:
    """The spool's file is whole."""
    check = "spool.integrity"
    if station.settings is None:
        return skip(check, needs("config.valid"))
    from edge_agent.spool.file import looking

    path = station.settings.spool.path
    if not path.exists():
        return skip(check, Both(f"{path} is not there before the first run", f"首次运行前还没有 {path}"))
    try:
        with closing(looking(path, timeout_s=2)) as db:
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if not os.access(path, os.R_OK):
            return skip(check, Both(f"{path} may not be read by you: sudo", f"您无权读取 {path}：请用 sudo"))
        return fail(check, Both(f"{path}: {error}", f"{path}：{error}"), _MENDED)
    if answer != "ok":
        return fail(check, same(answer), _MENDED)
    size = f"{path.stat().st_size / 2**20:.1f} MiB"
    return ok(check, Both(f"{size}, whole", f"{size}，完好"))


def spool_space(station: Station) -> Result:
    """Room on the disk, in days without a link when a day's readings are known."""
    check = "spool.space"
    if station.settings is None:
        return skip(check, needs("config.valid"))
    free = shutil.disk_usage(nearest_folder(station.settings.spool.path)).free
    text = Both(f"{free / 2**30:.1f} GB free", f"剩余 {free / 2**30:.1f} GB")
    if free < FREE_BYTES_MIN:
        cure = Both(
            "make room: sudo journalctl --vacuum-size=50M; sudo apt clean",
            "腾出空间：sudo journalctl --vacuum-size=50M; sudo apt clean",
        )
        return fail(check, text, cure)
    if station.said is not None and is_full(station.said, wall_ms()):
        text = Both(
            "full: the oldest readings are thinned, then dropped; lamppost agent spool status counts them",
            "缓存已满：最早的读数先抽稀、再丢弃；数目见 lamppost agent spool status",
        )
        cure = Both(
            "cure clock.*, broker.* and collector.ack, or raise spool.max_size",
            "先处理 clock.*、broker.* 和 collector.ack，或调大 spool.max_size",
        )
        return fail(check, text, cure)
    days = _days_left(station.settings)
    if days is not None and days < ROOM_DAYS:
        lasting = Both(f"{text}, {days:.1f} days if the link stays away", f"{zh(text)}，断网时够存 {days:.1f} 天")
        return warn(check, lasting, Both("make room, or raise spool.max_size", "腾出空间，或调大 spool.max_size"))
    return ok(check, text)


def _days_left(settings: Config) -> float | None:
    """As `spool status` says it; None where nobody can tell, or not to this user."""
    from edge_agent.spool.file import SpoolError
    from edge_agent.spool.making_room import room_of
    from edge_agent.spool.view import View

    path = settings.spool.path
    try:
        with closing(View(path)) as view:
            return room_of(path, settings.spool.max_size, view.survey()).days_left
    except (SpoolError, OSError, sqlite3.Error):
        return None


def spool_age(station: Station) -> Result:
    """How long the oldest reading has waited."""
    check = "spool.age"
    said = station.said
    if said is None:
        return skip(check, Both("no agent is running", "采集程序没有运行"))
    if said["damaged"]:
        text = Both(f"repaired: {said['damaged']}", f"已修复：{said['damaged']}")
        return warn(check, text, Both("keep the file; see docs/reliability.md", "请保留该文件；见 docs/reliability.md"))
    if said.get("unanswered"):  # an agent of before does not say
        text = Both(
            f"{said['unanswered']} readings that nobody answered were put aside",
            f"{said['unanswered']} 条读数一直无人应答，已搁置",
        )
        cure = Both(
            "send the office the folder beside the spool that ends in .unanswered",
            "缓存旁有一个以 .unanswered 结尾的目录，请发给管理中心",
        )
        return warn(check, text, cure)
    if said["oldest_ms"] is None:  # of what is not sealed nobody knows the age: it came just now, or waits for the time
        rows = said["waiting_rows"]
        if not rows:
            return ok(check, Both("nothing waits", "没有待发的读数"))
        return ok(check, Both(f"{rows} readings wait, of which none is sealed yet", f"{rows} 条读数待发，还没有封批"))
    age_s = (wall_ms() - said["oldest_ms"]) / 1000
    rows, age = said["waiting_rows"], span(age_s)
    text = Both(f"{rows} readings wait, the oldest {age}", f"{rows} 条读数待发，最早的已等 {zh(age)}")
    return ok(check, text) if age_s < WAITING_S else warn(check, text, _NOTHING_LOST)


def disk_readonly(station: Station) -> Result:
    """The file system of the spool can be written, and the kernel has seen no error on it."""
    check = "disk.readonly"
    if station.settings is None:
        return skip(check, needs("config.valid"))
    folder = nearest_folder(station.settings.spool.path)
    if is_read_only(folder):
        text = Both(f"{folder} is read-only: the card is failing", f"{folder} 只读：存储卡快坏了")
        return fail(check, text, Both("save the spool, change the card", "备份缓存，更换存储卡"))
    return ok(check, Both(f"{folder} can be written", f"{folder} 可以写入"))


def disk_errors(station: Station) -> Result:
    """ext4 counts its errors; a card that has some will have more."""
    check = "disk.errors"
    counts = {
        place.name: place.joinpath("errors_count").read_text(encoding="utf-8").strip()
        for place in (station.root / "sys/fs/ext4").glob("*")
        if place.joinpath("errors_count").exists()
    }
    broken = [f"{name}: {count}" for name, count in counts.items() if count not in ("", "0")]
    if broken:
        text = Both(f"file system errors on {', '.join(broken)}", f"文件系统有错误：{'、'.join(broken)}")
        return warn(check, text, Both("change the card soon; power cuts?", "尽快更换存储卡；常断电吗？"))
    if not counts:
        return skip(check, Both("no ext4 here", "这里没有 ext4"))
    return ok(check, Both("no file system errors", "文件系统没有错误"))
