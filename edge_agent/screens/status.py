"""`lamppost agent status` as people see it: one screen of 60 columns, an age beside everything that ages. Pure."""

from __future__ import annotations

from typing import Any

from edge_agent.lines.not_opened import known
from edge_agent.screens.words import reading, span, sparkline
from edge_agent.sensor_state import is_old, state_of
from wire.both import Both, joined, same, zh
from wire.cells import padded
from wire.exits import in_both

WAITING_S = 120.0
FULL_SHARE = 0.95
LABEL = 9


def troubles(said: dict[str, Any], now_ms: float) -> list[Both]:
    """What needs a hand, in words; empty when all is well."""
    if is_old(said, now_ms):  # how anything else is now, nobody knows
        age = span((now_ms - said["at_ms"]) / 1000)
        start = "sudo systemctl start lamppost-agent"
        return [Both(f"the agent has said nothing for {age}: {start}", f"采集程序已有 {zh(age)}没有消息：{start}")]
    found = []
    if said.get("link_flaps"):
        found.append(_look(Both("cut off all the time", "反复断开"), "broker.steady"))
    elif said["connected_s"] is None:
        found.append(_look(_NOT_CONNECTED, "broker"))
    elif said.get("link_refusal"):
        found.append(_look(Both("the broker refuses what is sent", "服务器拒收数据"), "broker.acl"))
    for sensor in said["sensors"]:
        state = state_of(said, sensor, now_ms)
        if state not in ("ok", "warming up", "beam full"):  # the road is busy, and the station well
            found.append(_look(joined(" ", [sensor["name"], state]), f"sensor.{sensor['name']}"))
    if said["refused"]:
        lost = Both(f"{said['refused']} readings could not be kept", f"{said['refused']} 条读数没能存下")
        found.append(_look(lost, "disk"))
    if is_full(said, now_ms):
        full = Both("the spool is full, the oldest readings go", "缓存已满，最早的读数正在被丢弃")
        found.append(_look(full, "spool"))
    if not said["disk_ok"]:
        found.append(_look(Both("the disk takes no readings", "磁盘写不进读数"), "spool"))
    if said["clock"] == "unsynced" and said["up_s"] > WAITING_S:  # NTP needs a while after a start
        found.append(_look(Both("the clock is not set", "时钟未校准"), "clock"))
    if nobody_confirms(said, now_ms):
        found.append(_look(Both("connected, and nobody confirms", "已连接，但没有入库确认"), "collector.ack"))
    budget, a_day = said.get("bytes_per_day"), said.get("line_bytes_a_day")
    if budget is not None and a_day is not None and a_day > budget:
        used, most = _megabytes(a_day), _megabytes(budget)
        text = Both(
            f"the line costs {used} a day of {most}: read sensors less often",
            f"每天流量 {used}，限额 {most}：请降低传感器的读取频率",
        )
        found.append(text)
    if said.get("config_note"):
        found.append(same(said["config_note"]))
    return found


def _look(what: Both, check: str) -> Both:
    """A trouble, and the checks of the doctor that say more of it."""
    doctor = f"lamppost agent doctor --only {check}"
    return Both(f"{what}: {doctor}", f"{zh(what)}：{doctor}")


def waits_long(said: dict[str, Any], now_ms: float) -> bool:
    """The oldest reading has waited longer than the way to the database and back takes."""
    return said["oldest_ms"] is not None and now_ms - said["oldest_ms"] > _patience_s(said) * 1000


def is_full(said: dict[str, Any], now_ms: float) -> bool:
    """The spool makes room by what it should keep; without what waits, only what was answered goes."""
    full = (said.get("spool_share") or 0.0) >= FULL_SHARE
    return full and (said["clock"] == "unsynced" or waits_long(said, now_ms))


def _patience_s(said: dict[str, Any]) -> float:
    """A batch is old already when it is sealed, by its first reading."""
    seal_s: float = said.get("seal_s", 0.0)
    return WAITING_S + seal_s


def nobody_confirms(said: dict[str, Any], now_ms: float) -> bool:
    """Connected to a broker behind which no collector answers."""
    if said.get("link_refusal"):
        return False  # it is the broker
    unheard = said["acked_s"] is None or said["acked_s"] > _patience_s(said)
    return said["connected_s"] is not None and unheard and waits_long(said, now_ms)


def screen(said: dict[str, Any], now_ms: float) -> Both:
    """The lines of the status screen."""
    node, site, version, up = said["node"], said["site"], said["version"], span(said["up_s"])
    lines = [
        _line(Both("station", "站点"), Both(f"{node} at {site}", f"{node}，{site}")),
        _line(Both("agent", "程序"), Both(f"{version}, up {up}", f"{version}，已运行 {zh(up)}")),
        *(line for sensor in said["sensors"] for line in _sensor(said, sensor, now_ms)),
        _line(Both("broker", "服务器"), _broker(said)),
        *_line_cost(said),
        *_urgent(said),
        _line(Both("spool", "缓存"), _spool(said, now_ms)),
        _line(Both("clock", "时钟"), joined("   ", [_CLOCK.get(said["clock"], said["clock"]), *_machine(said)])),
        *(joined("", ["! ", trouble]) for trouble in troubles(said, now_ms)),
    ]
    return joined("\n", lines)


def _line(label: Both, text: Both) -> Both:
    return Both(padded(label, LABEL) + text, padded(zh(label), LABEL) + zh(text))


_CLOCK = {
    "synced": Both("trusted", "可信"),
    "restored": Both("trusted, earlier times put right", "可信，之前的时间已校正"),
    "unsynced": Both("not set yet: readings wait", "未校准：读数先等待"),
    "estimated": Both("estimated", "估算"),
}
_NOT_CONNECTED = Both("not connected", "未连接")
_LINK = {"refused": "被拒绝", "it hangs up": "服务器断开了连接"}


def _sensor(said: dict[str, Any], sensor: dict[str, Any], now_ms: float) -> list[Both]:
    state, values = state_of(said, sensor, now_ms), reading(sensor["values"])
    age = same("")
    if sensor["last_frame_ms"] is not None:
        since = span((now_ms - sensor["last_frame_ms"]) / 1000)
        age = Both(f"{since} ago", f"{zh(since)}前")
    name = padded(sensor["name"], 8)
    lines = [Both(_columns(f"{name} {values}", age, state), _columns(f"{name} {zh(values)}", zh(age), zh(state)))]
    bad = sum(sensor["bad"].values())
    is_shut = state in ("port shut", "port stuck")
    notes = [known(sensor["trouble"]) if is_shut else same(sparkline(sensor.get("recent", [])))]
    notes += [Both(f"{bad} bad frames", f"{bad} 个坏帧")] if bad else []
    note = joined("  ", notes)
    return [*lines, joined("", ["         ", note])] if note else lines


def _columns(what: str, age: str, state: str) -> str:
    return f"{padded(what, 36)} {padded(age, 10)} {state}".rstrip()


def link_trouble(said: dict[str, Any]) -> Both:
    """Why it is not connected, as the agent has said it; empty when it has not."""
    begins, colon, why = (said.get("link_trouble") or "").partition(": ")
    if begins not in _LINK:
        return in_both(said.get("link_trouble") or "")
    return Both(f"{begins}{colon}{why}", _LINK[begins] + (f"：{zh(in_both(why))}" if why else ""))


def not_connected(said: dict[str, Any]) -> Both:
    """That it is not connected, and why."""
    why = link_trouble(said)
    return Both(f"{_NOT_CONNECTED}: {why}", f"{zh(_NOT_CONNECTED)}：{zh(why)}") if why else _NOT_CONNECTED


def _broker(said: dict[str, Any]) -> Both:
    if said["connected_s"] is None:
        return not_connected(said)
    since, refusal, acked_s = span(said["connected_s"]), said.get("link_refusal"), said["acked_s"]
    connected = Both(f"connected {since}", f"已连接 {zh(since)}")
    if refusal:
        return joined(" · ", [connected, Both(f"refuses: {refusal}", f"拒收：{zh(in_both(refusal))}")])
    if acked_s is None:
        return joined(" · ", [connected, Both("nothing confirmed yet", "还没有入库确认")])
    age = span(acked_s)
    return joined(" · ", [connected, Both(f"last confirmed {age} ago", f"{zh(age)}前有入库确认")])


def _line_cost(said: dict[str, Any]) -> list[Both]:
    a_day, budget = said.get("line_bytes_a_day"), said.get("bytes_per_day")
    if a_day is None:
        return []
    used = _megabytes(a_day)
    parts = [Both(f"{used} a day", f"每天 {used}")]
    if budget is not None:
        parts = [Both(f"{used} a day of {_megabytes(budget)}", f"每天 {used}，限额 {_megabytes(budget)}")]
        every = [span(said["seal_s"])] if "seal_s" in said else []
        parts += [Both(f"sealed every {one}", f"每 {zh(one)}封一批") for one in every]
    return [_line(Both("line", "流量"), joined(" · ", parts))]


def _urgent(said: dict[str, Any]) -> list[Both]:
    """What was sent at once, and which sensors flap: theirs waits for the next ordinary batch."""
    urgent = said.get("urgent") or {"sealed": 0, "held": {}}
    if not urgent["sealed"] and not urgent["held"]:
        return []
    count = urgent["sealed"]
    now = _line(Both("urgent", "急件"), Both(f"{count} sent at once", f"{count} 件立即发送"))
    late = [
        _line(same(""), Both(f"{sensor} flaps: {held} not", f"{sensor} 反复触发：{held} 件没有立即发"))
        for sensor, held in urgent["held"].items()
    ]
    return [now, *late]


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def _spool(said: dict[str, Any], now_ms: float) -> Both:
    rows, accepted = said["waiting_rows"], said["accepted"]
    waiting = Both(f"{rows} waiting", f"{rows} 条待发")
    if said["oldest_ms"] is not None:
        age = span((now_ms - said["oldest_ms"]) / 1000)
        waiting = Both(f"{waiting} since {age}", f"{zh(waiting)}，已等 {zh(age)}")
    taken = Both(f"{accepted} taken", f"累计 {accepted} 条")
    return joined(" · ", [waiting, taken, _megabytes(said["spool_bytes"])])


def _machine(said: dict[str, Any]) -> list[Both]:
    parts = []
    if said.get("disk_free_b") is not None:
        free = f"{said['disk_free_b'] / 2**30:.1f} GB"
        parts.append(Both(f"disk {free}", f"磁盘剩余 {free}"))
    if said.get("temp_c") is not None:
        parts.append(same(f"{said['temp_c']:.0f} °C"))
    return parts
