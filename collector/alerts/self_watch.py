"""The collector's own troubles as alerts: the database, quarantine, cloned cards, messages that could not be told.

They are no rules, for rules look at what is stored. Each trouble is one alert however long it lasts: it fires after
`RAISE_MS` without a break and is resolved after `CLEAR_MS` without it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from collector.rules.fields import OWN_LINK
from collector.rules.series import Series
from collector.rules.transition import Transition, fingerprint, key
from wire.times import MINUTE_MS

RAISE_MS: Final = 10_000
CLEAR_MS: Final = 30_000
RECENT_MS: Final = 10 * MINUTE_MS
VERSION: Final = "own"


class Trouble(NamedTuple):
    """What may go wrong: its rule name, severity and words.

    Details are those of the log, in English, and name the cure where there is one; in Chinese it stands here.
    """

    rule: str
    severity: str
    zh: str
    en: str
    cure_zh: str


TROUBLES: Final = {
    each.rule: each
    for each in (
        Trouble("collector-database", "critical", "数据库不可用", "The database is away",
                "请看数据库是否在运行、地址和令牌是否正确；期间读数留在各站点，不会丢失"),
        Trouble("collector-emptied", "critical", "数据库曾丢失，已重新建立", "The database was lost and made anew",
                "请恢复其备份；或对 lamppost audit 所列站点逐个运行 lamppost resend，一天之内有效"),
        Trouble("collector-broker", "critical", "采集器连不上消息代理", "A collector has no broker",
                "请看消息代理是否在运行、地址和凭据是否正确；期间读数留在各站点，不会丢失"),
        Trouble("collector-quarantine", "major", "隔离区已满", "Quarantine full",
                "请用 lamppost quarantine list 查看原因，并为磁盘腾出空间；期间这些读数留在站点"),
        Trouble("collector-quarantined", "minor", "有读数被隔离", "Readings went to quarantine",
                "请用 lamppost quarantine list 查看原因"),
        Trouble("collector-spool", "major", "节点使用了未声明的缓存", "A node sends from an unannounced spool",
                "请核实该站点是否换过存储卡或被复制；在此之前它的数据留在站点"),
        Trouble("collector-clone", "major", "疑似存储卡被复制", "A cloned card?",
                "请核实是否有两台设备用同一张卡；在其中一台上运行 sudo lamppost agent setup --anew"),
        Trouble("collector-state", "critical", "状态文件无法写入", "The state file cannot be written",
                "请腾出磁盘空间或更换磁盘"),
        Trouble("collector-series", "major", "节点的序列数已用尽", "A node has used up its series",
                "请看该站点的传感器名称是否不断变化"),
        Trouble("collector-flapping", "major", "疑似两台设备同名", "Two devices of one name?",
                "请为其中一台另取名称，或停用一台"),
        Trouble("collector-version", "major", "节点版本过新", "A node speaks a newer version than this collector",
                "请先更新采集器"),
        Trouble("collector-status", "major", "状态报文无法识别", "A status cannot be obeyed",
                "请核实发送者及其程序版本；在此之前该站点的读数留在站点"),
        Trouble("collector-windows", "major", "数据库拒收分钟与小时统计", "The database refuses windows",
                "请按括号中的原因检查数据库；原始读数不受影响"),
        Trouble("collector-ledger", "major", "数据库拒收批次账目", "The database refuses the account of a batch",
                "请按括号中的原因检查数据库，例如序列数上限；期间该站点的读数也留在站点"),
        Trouble("collector-flood", "major", "节点发送过快", "A node sends more than it may",
                "请检查该设备；确属正常时调高 rate_per_node"),
        Trouble("collector-clock", "major", "节点时钟不准", "A node's clock is off",
                "请检查该站点的网络对时"),
        Trouble("collector-own-clock", "critical", "服务器时钟不准", "The collector's own clock is off",
                "请检查本服务器的网络对时"),
        Trouble("collector-unforeseen", "major", "程序出错", "Something breaks this program",
                "请把日志发给开发者"),
        Trouble("collector-undelivered", "major", "有通知未能送达", "A notification could not be delivered",
                "请用 lamppost notify log 查看原因"),
        Trouble("collector-worker", "critical", "工作进程反复退出", "A worker ends again and again",
                "请查看采集器的日志"),
        Trouble("collector-certificate", "major", "证书或令牌即将到期", "A certificate or token ends soon",
                "请按括号中的命令更新"),
        Trouble("collector-calibration", "major", "校准记录编号冲突", "Two calibrations under one number",
                "请在工作中的采集器上重新录入（lamppost calibrate）"),
        Trouble("collector-canary", "critical", "自检读数没有走完全程", "The canary reading did not come back",
                "请看消息代理、数据库和设置"),
    )
}  # fmt: skip
_OF_ALARM: Final = {
    "store": "collector-database",
    "emptied": "collector-emptied",
    "canary": "collector-canary",
    "canary-round": "collector-canary",
    "quarantine": "collector-quarantine",
    "spool": "collector-spool",
    "clone": "collector-clone",
    "version": "collector-version",
    "worker": "collector-worker",
    "state": "collector-state",
    "series": "collector-series",
    "status": "collector-status",
    "windows": "collector-windows",
    "ledger": "collector-ledger",
    "flapping": "collector-flapping",
    "flood": "collector-flood",
    "clock": "collector-clock",
    "own-clock": "collector-own-clock",
    "unforeseen": "collector-unforeseen",
    "undelivered": "collector-undelivered",
    "certificate": "collector-certificate",
    "calibration": "collector-calibration",
}
Wrong = dict[tuple[str, str], str]
"""What is wrong now: by rule and node ("collector" for our own) the details."""


def of_alarms(alarms: dict[str, str]) -> Wrong:
    """What the ingest calls out, such as `clone:lp-0017`."""
    found: Wrong = {}
    for name, detail in alarms.items():
        kind, _, node = name.partition(":")
        if kind in _OF_ALARM:
            found[(_OF_ALARM[kind], node or OWN_LINK)] = detail
    return found


class Faults:
    """What is wrong with a collector now, by what its parts say."""

    def __init__(self) -> None:
        self._quarantined: deque[tuple[int, int]] = deque()

    def found(self, alarms: dict[str, str], counts: Mapping[str, int], now_ms: int) -> Wrong:
        """Alarms and counts are the ingest's."""
        found = of_alarms(alarms)
        quarantined = counts["quarantined_batches"] + counts["quarantined_rows"]
        if grown := self._grown(quarantined, now_ms):
            found[("collector-quarantined", OWN_LINK)] = f"{grown}"
        return found

    def _grown(self, quarantined: int, now_ms: int) -> int:
        """By how much, within the last ten minutes."""
        seen = self._quarantined
        seen.append((now_ms, quarantined))
        while not now_ms - RECENT_MS <= seen[0][0] <= now_ms:  # later than now: before the clock was set back
            seen.popleft()
        return quarantined - seen[0][1]


@dataclass(slots=True)
class _State:
    since_ms: int
    changed_ms: int  # when it was last seen to be otherwise
    wrong: bool
    firing: Transition | None = None


class SelfWatch:
    """Turns what is wrong now into alerts. `firing` are those that a former life of the collector has told."""

    def __init__(self, firing: Iterable[Transition] = ()) -> None:
        self._states: dict[tuple[str, str], _State] = {}
        for each in firing:
            if each.rule in TROUBLES and each.version == VERSION:
                name = (each.rule, each.labels.get("node", OWN_LINK))
                self._states[name] = _State(each.start_ms, 0, False, each)

    def told(self) -> Wrong:
        """What people were told is wrong."""
        return {name: "" for name, state in self._states.items() if state.firing is not None}

    def look(self, wrong: Wrong, now_ms: int) -> list[Transition]:
        """What begins to fire and what is resolved now."""
        said: list[Transition] = []
        for name in wrong.keys() | self._states.keys():
            state = self._states.setdefault(name, _State(now_ms, now_ms, name in wrong))
            if state.wrong != (name in wrong) or not state.changed_ms:
                state.wrong, state.changed_ms = name in wrong, now_ms
                if state.wrong and state.firing is None:
                    state.since_ms = now_ms
            # What was dated by a clock that was ahead would be told by nobody for all the hours that it was.
            state.since_ms, state.changed_ms = min(state.since_ms, now_ms), min(state.changed_ms, now_ms)
            lasted_ms = now_ms - state.changed_ms
            if state.wrong and state.firing is None and lasted_ms >= RAISE_MS:
                state.firing = _said(name, wrong[name], state.since_ms, now_ms)
                said.append(state.firing)
            elif not state.wrong and lasted_ms >= CLEAR_MS:
                if state.firing is not None:
                    said.append(_solved(state.firing, now_ms))
                del self._states[name]
        return said


def in_chinese(alarm: str, detail: str) -> str:
    """What is wrong and what to do, for people; the detail of the log where nobody wrote it."""
    rule = _OF_ALARM.get(alarm.partition(":")[0])
    return detail if rule is None else _in_chinese(TROUBLES[rule], detail)


def _in_chinese(trouble: Trouble, detail: str) -> str:
    return f"{trouble.zh}：{trouble.cure_zh}（{detail}）"


def _said(name: tuple[str, str], detail: str, since_ms: int, now_ms: int) -> Transition:
    trouble, series = TROUBLES[name[0]], Series(OWN_LINK, "", name[1])
    return Transition(
        fingerprint=fingerprint(trouble.rule, series),
        rule=trouble.rule,
        version=VERSION,
        severity=trouble.severity,
        notify=(),
        kind=OWN_LINK,
        labels=series.labels(),
        state="firing",
        value=None,
        limit="",
        event_ms=now_ms,
        start_ms=since_ms,
        key=key(trouble.rule, VERSION, series, since_ms),
        text_zh=_in_chinese(trouble, detail),
        text_en=f"{trouble.en}: {detail}",
        cause="own",
        words_zh=trouble.zh,
        words_en=trouble.en,
    )


def _solved(firing: Transition, now_ms: int) -> Transition:
    trouble = TROUBLES[firing.rule]
    ended = firing.ended(now_ms, "")
    return type(firing).read(
        ended.as_json() | {"text_zh": f"已恢复：{trouble.zh}", "text_en": f"Resolved: {trouble.en}"}
    )
