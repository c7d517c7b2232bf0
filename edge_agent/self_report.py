"""What the agent says of itself: the status file that `status`, `ready` and `doctor` read, and systemd's one line."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import deque
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.delivery import unanswered
from edge_agent.device import clock, vitals
from edge_agent.screens.status import not_connected
from edge_agent.unheard import Unheard
from wire.exits import reason

if TYPE_CHECKING:
    from edge_agent.agent import Agent
    from edge_agent.spool.spool import Spool
    from edge_agent.urgency import Urgency

log = logging.getLogger("lamppost.agent")

RECENT = 24
READABLE = 0o644
"""Whatever the umask: `status` and `ready` are for whoever stands at the box, and there is no secret in it."""


class SelfReport:
    """Writes the status file whole: aside, then renamed. Keeps a few recent values of each sensor for its sparkline."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._started_s = time.monotonic()
        self._recent: dict[str, dict[str, deque[float]]] = {}  # by sensor and quantity
        self.last: dict[str, Any] | None = None
        self._unwritten = False
        self._unheard = Unheard()

    def write(self) -> dict[str, Any]:
        """Say it, and return what was said."""
        said = self.last = self.said()
        for news in self._unheard.news(said, clock.wall_ms()):
            log.log(logging.WARNING if news.is_bad else logging.INFO, news.text)
        path = self._agent.config.status_file
        aside = path.with_name(path.name + ".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(said), encoding="utf-8")
            aside.chmod(READABLE)
            aside.replace(path)
        except OSError as error:
            if not self._unwritten:
                log.warning("%s cannot be written: %s; status, ready and watch know nothing here", path, reason(error))
            self._unwritten = True
        else:
            self._unwritten = False
        return said

    def line(self, said: dict[str, Any]) -> str:
        """One line for `systemctl status`."""
        open_ports = sum(sensor["open"] for sensor in said["sensors"])
        link = "connected" if said["connected_s"] is not None else not_connected(said)
        return f"{open_ports}/{len(said['sensors'])} ports open, {link}, {said['waiting_rows']} readings wait"

    def said(self) -> dict[str, Any]:
        """Everything, as the schema `lamppost.agent.status/1` has it."""
        agent = self._agent
        recorder, uplink, delivery = agent.recorder, agent.uplink, agent.delivery
        depth = recorder.spool.depth()
        now_s = time.monotonic()
        board = vitals.of_board(agent.config.spool.path)
        return {
            "schema": "lamppost.agent.status/1",
            "node": agent.config.node,
            "site": agent.config.site,
            "version": version("lamppost"),
            "pid": os.getpid(),
            "at_ms": clock.wall_ms(),
            "up_s": round(now_s - self._started_s),
            "connected_s": _since(now_s, uplink.connected_since_s),
            "link_trouble": uplink.trouble,
            "link_refusal": uplink.refusal,
            "link_flaps": uplink.flapping.often(now_s),
            "acked_s": _since(now_s, delivery.last_ack_s),
            "accepted": recorder.accepted,
            "refused": recorder.refused,
            "commits": recorder.commits,
            "waiting_rows": depth.rows,
            "oldest_ms": depth.oldest_ms,
            "spool_bytes": depth.file_bytes,
            "written_bytes": _written_bytes(),
            "spool_share": round(recorder.spool.used_bytes() / agent.spool_limit_bytes(), 4),
            "spool": recorder.spool.spool_id,
            "damaged": recorder.spool.damaged() or _changed(recorder.spool),
            "unanswered": recorder.spool.lost(unanswered.REASON),
            "clock": recorder.timeline.state,
            "disk_ok": recorder.disk_ok,
            "disk_free_b": board.get("disk_free_b"),
            "temp_c": board.get("cpu_temp_c"),
            "line_bytes_a_day": agent.line_cost.a_day(uplink.line_bytes, now_s),
            "bytes_per_day": agent.config.bytes_per_day,
            "seal_s": agent.pace_s(now_s),
            "urgent": _urgent(recorder.urgency),
            "config_note": agent.errands.note(),
            "settings": agent.errands.settings,
            "counts": dict(delivery.counts + uplink.counts + agent.requests.counts),
            "sensors": [
                self._sensor(sensor, agent.lines[wants.port].port)
                for wants, sensor in zip(agent.config.sensors, agent.sensors, strict=True)
            ],
        }

    def _sensor(self, sensor: Any, port: Any) -> dict[str, Any]:
        recent = self._recent.setdefault(sensor.name, {})
        last_ms, timeline = sensor.last_frame_ms, self._agent.recorder.timeline
        age_ms = None if last_ms is None else timeline.stamp(clock.boottime_ms()) - last_ms
        if (first := _most_telling(sensor.last_values)) is not None:
            recent.setdefault(first, deque(maxlen=RECENT)).append(sensor.last_values[first])
        drawn = _most_telling(recent)
        return {
            "name": sensor.name,
            "profile": sensor.profile.ref,
            "port": port.path,
            "open": port.open,
            "trouble": port.trouble,
            "flaps": port.flapping.often(time.monotonic()),
            "bytes": port.counts["bytes"],
            "unread_bytes": sensor.unread_bytes,
            "frames": sensor.frames,
            "bad": dict(sensor.bad),
            "lately": {"frames": sensor.lately.count(True), "bad": sensor.lately.count(False)},
            "unfit": dict(sensor.unfit),
            "doubt": sensor.doubt,
            "crowded": sensor.traffic is not None and sensor.traffic.crowded,
            "silence_s": sensor.silence_s,
            "last_frame_ms": None if age_ms is None else clock.wall_ms() - age_ms,
            "values": sensor.last_values,
            "recent": [] if drawn is None else list(recent[drawn]),
        }


def _most_telling(quantities: Mapping[str, object]) -> str | None:
    """The quantity whose line is drawn: of a sensor that tells of several in turn always the same."""
    first = next(iter(quantities), None)
    return next((name for name in ("pm25_raw_ugm3", "speed_kmh", "co2_ppm") if name in quantities), first)


def _written_bytes() -> int | None:
    """What this process has had written to the card so far, by the kernel's account; None where it keeps none."""
    try:
        lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="utf-8").splitlines())
        return int(lines["write_bytes"])
    except (OSError, KeyError, ValueError):
        return None


def _urgent(urgency: Urgency | None) -> dict[str, Any] | None:
    """Batches sealed at once, and what had to wait for the next ordinary one, by sensor."""
    return None if urgency is None else {"sealed": urgency.sealed, "held": dict(urgency.held)}


def _since(now_s: float, then_s: float | None) -> float | None:
    return None if then_s is None else round(now_s - then_s, 1)


def _changed(spool: Spool) -> str | None:
    """Batches whose bytes had changed on the disk are damage too."""
    lost = spool.lost("damaged")
    return f"{lost} readings had changed on the disk" if lost else None
