"""The proof at the end of a set-up: a reading of each sensor, taken here, read back from the city's database.

Uses the service when it runs, else an agent of its own for as long as the proof takes.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from edge_agent.device import clock
from edge_agent.identity.reach import ask_collector
from edge_agent.screens.words import reading
from wire.both import Both, joined
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from edge_agent.settings.config import Config

USER = "lamppost"
PROOF_S = 200.0
ASK_EVERY_S = 3.0


def read_back(
    settings: Config, began_s: float, say: Callable[[str], None], timeout_s: float = PROOF_S
) -> dict[str, dict[str, Any]]:
    """What the database gives back of each sensor, taken since `began_s`; ends when all are there, or the time is up.

    `began_s` is of the monotonic clock, since NTP may set the other one meanwhile. Until that one is believed nothing
    of this station leaves it, and an earlier reading proves nothing.
    """
    wanted = {sensor.name for sensor in settings.sensors}
    found: dict[str, dict[str, Any]] = {}
    until_s = time.monotonic() + timeout_s
    told = ""
    while wanted - set(found) and time.monotonic() < until_s:
        try:
            answer = _stored_since(settings, began_s)
        except Failure as failure:
            if str(failure) != told:
                say(joined("  ", ["", failure.message]))
            told = str(failure)
            time.sleep(ASK_EVERY_S)
            continue
        for row in answer.get("sensors", []):
            if row["sensor"] in wanted and row["sensor"] not in found:
                found[row["sensor"]] = row
                late_s = max(0.0, time.time() - row["time_ms"] / 1000)
                values = reading(row["values"]) or Both("stored", "已入库")
                old = Both(f"read back, {late_s:.0f} s old", f"已读回，{late_s:.0f} 秒前测得")
                say(joined("  ", [joined(" ", [f"  {row['sensor']:<8}", values]), old]))
        if wanted - set(found):
            time.sleep(ASK_EVERY_S)
    return found


def _stored_since(settings: Config, began_s: float) -> dict[str, Any]:
    if not clock.believed(settings.clock.trust):
        text = Both("the clock has not been set by NTP: readings wait here", "时钟还没有由 NTP 校准：读数先留在本机")
        raise Failure(Exit.NOT_HEALTHY, "clock-not-set", text, "lamppost agent doctor --only clock")
    began_ms = clock.wall_ms() - round((time.monotonic() - began_s) * 1000)
    return ask_collector(settings, "stored", {"from_ms": began_ms})


@contextmanager
def agent_of_our_own(config: Path, settings: Config, say: Callable[[str], None]) -> Iterator[subprocess.Popen[bytes]]:
    """An agent for as long as the block lasts, as the service's user when there is one and we are root.

    Its log lines are no part of a set-up's screen; the last one is, when it ended by itself. It ends with us, also when
    the connection is lost: left behind it would keep the ports and the spool from the service.
    """
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    as_user: dict[str, Any] = {}
    settings.status_file.parent.mkdir(parents=True, exist_ok=True)
    settings.spool.path.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0 and (user := _user()) is not None:
        groups = os.getgrouplist(USER, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}
        for folder in (settings.status_file.parent, settings.spool.path.parent):
            os.chown(folder, user.pw_uid, user.pw_gid)
    command = [sys.executable, "-m", "lamppost", "agent", "run", str(config), "--quiet"]
    with TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, **as_user)
        try:
            yield process
        finally:
            if process.poll() is not None:
                log.seek(0)
                last = (log.read().decode(errors="replace").strip().splitlines() or ["?"])[-1]
                say(Both(f"  the agent has ended: {last}", f"  采集程序已退出：{last}"))
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return None
