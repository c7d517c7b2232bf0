"""Do readings arrive, and is there room for those that wait?"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from edge_agent.device.clock import wall_ms
from edge_agent.doctor.result import Result, Station, fail, ok, skip, warn
from edge_agent.screens.status import is_full
from edge_agent.screens.words import span
from edge_agent.spool.place import is_read_only, nearest_folder
from wire.exits import Failure
from wire.times import HOUR_MS

if TYPE_CHECKING:
    from edge_agent.settings.config import Config

WAITING_S = 120.0
ROOM_DAYS = 7.0
_OFFICE = "nothing is lost; tell the office"
_NOT_LET_IN = ("refused: Not authorized", "refused: Bad user name or password")
FREE_BYTES_MIN = 50 * 2**20


def collector_ack(station: Station) -> Result:
    """The whole way: a reading is in the database, and the collector has said so."""
    check = "collector.ack"
    if station.settings is None:
        return skip(check, "needs config.valid")
    said = station.said
    if said is not None and said["connected_s"] is None:
        if said.get("link_trouble") in _NOT_LET_IN:  # a password that was put right meanwhile it does not know
            cure = "is broker.auth well now? Then sudo systemctl restart lamppost-agent"
            return warn(check, f"the agent is not let in: {said['link_trouble']}", cure)
        return skip(check, "the agent is not connected: see broker.*")
    from edge_agent.identity.reach import ask_collector

    began_s = time.monotonic()
    try:
        answer = ask_collector(station.settings, "stored", {"from_ms": wall_ms() - HOUR_MS}, "doctor-ask", 4.0)
    except Failure as failure:
        if failure.word != "no-answer":
            return skip(check, "needs broker.auth")
        if said is not None and said["waiting_rows"] == 0 and said["accepted"]:
            return ok(check, "everything accepted here is stored there")
        return fail(check, "no collector answers; readings wait here", _OFFICE)
    except OSError as error:
        return skip(check, f"needs broker.*: {error}")
    took_ms = (time.monotonic() - began_s) * 1000
    if not answer.get("ok"):
        cure = "no agent runs here: sudo systemctl start lamppost-agent" if said is None else _OFFICE
        return fail(check, f"collector: {answer.get('error', 'no reason')}", cure)
    newest_ms = max((sensor["time_ms"] for sensor in answer["sensors"]), default=None)
    oldest_ms = said["oldest_ms"] if said is not None else None
    if oldest_ms is not None and wall_ms() - oldest_ms > WAITING_S * 1000 and said is not None:
        waiting = f"{said['waiting_rows']} readings wait since {span((wall_ms() - oldest_ms) / 1000)}"
        return warn(check, waiting, "nothing is lost; it should go down: lamppost agent status")
    stored = f"newest stored {span((wall_ms() - newest_ms) / 1000)} ago" if newest_ms else "nothing stored in an hour"
    return ok(check, f"answers in {took_ms:.0f} ms, {stored}")


def spool_integrity(station: Station) -> Result:
    """The spool's file is whole."""
    check = "spool.integrity"
    if station.settings is None:
        return skip(check, "needs config.valid")
    from edge_agent.spool.file import looking

    path = station.settings.spool.path
    if not path.exists():
        return skip(check, f"{path} is not there before the first run")
    try:
        with closing(looking(path, timeout_s=2)) as db:
            (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        if not os.access(path, os.R_OK):
            return skip(check, f"{path} may not be read by you: sudo")
        return fail(check, f"{path}: {error}", "sudo lamppost agent service restart; it is mended at start")
    if answer != "ok":
        return fail(check, answer, "sudo lamppost agent service restart; it is mended at start")
    return ok(check, f"{path.stat().st_size / 2**20:.1f} MiB, whole")


def spool_space(station: Station) -> Result:
    """Room on the disk, in days without a link when a day's readings are known."""
    check = "spool.space"
    if station.settings is None:
        return skip(check, "needs config.valid")
    free = shutil.disk_usage(nearest_folder(station.settings.spool.path)).free
    text = f"{free / 2**30:.1f} GB free"
    if free < FREE_BYTES_MIN:
        return fail(check, text, "make room: sudo journalctl --vacuum-size=50M; sudo apt clean")
    if station.said is not None and is_full(station.said, wall_ms()):
        text = "full: the oldest readings are thinned, then dropped; lamppost agent spool status counts them"
        return fail(check, text, "cure clock.*, broker.* and collector.ack, or raise spool.max_size")
    days = _days_left(station.settings)
    if days is not None and days < ROOM_DAYS:
        return warn(check, f"{text}, {days:.1f} days if the link stays away", "make room, or raise spool.max_size")
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
        return skip(check, "no agent is running")
    if said["damaged"]:
        return warn(check, f"repaired: {said['damaged']}", "keep the file; see docs/reliability.md")
    if said.get("unanswered"):  # an agent of before does not say
        text = f"{said['unanswered']} readings that nobody answered were put aside"
        return warn(check, text, "send the office the folder beside the spool that ends in .unanswered")
    if said["oldest_ms"] is None:  # of what is not sealed nobody knows the age: it came just now, or waits for the time
        rows = said["waiting_rows"]
        return ok(check, f"{rows} readings wait, of which none is sealed yet" if rows else "nothing waits")
    age_s = (wall_ms() - said["oldest_ms"]) / 1000
    text = f"{said['waiting_rows']} readings wait, the oldest {span(age_s)}"
    return ok(check, text) if age_s < WAITING_S else warn(check, text, "nothing is lost; see broker.*, collector.ack")


def disk_readonly(station: Station) -> Result:
    """The file system of the spool can be written, and the kernel has seen no error on it."""
    check = "disk.readonly"
    if station.settings is None:
        return skip(check, "needs config.valid")
    folder = nearest_folder(station.settings.spool.path)
    if is_read_only(folder):
        return fail(check, f"{folder} is read-only: the card is failing", "save the spool, change the card")
    return ok(check, f"{folder} can be written")


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
        return warn(check, f"file system errors on {', '.join(broken)}", "change the card soon; power cuts?")
    return ok(check, "no file system errors") if counts else skip(check, "no ext4 here")
