"""Every text of the pages in Chinese and English, and how numbers, ages and times of day are written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

Language = Literal["zh", "en"]

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "lang": ("zh-CN", "en"),
    "skip": ("跳到正文", "Skip to content"),
    "safe_colours": ("无障碍配色", "Colour-blind-safe colours"),
    "official_colours": ("标准配色", "Official colours"),
    "other_language": ("EN", "中文"),
    "other_language_name": ("English", "中文"),
    "notice": (
        "本页为小型传感器的参考数据，不是官方空气质量指数；官方数据请看生态环境部门发布。",
        "Indicative readings from small sensors, not the official AQI;"
        " see the environment authority for official data.",
    ),
    "privacy": ("只计数，不拍照，不识别车牌。", "We count. No pictures, no number plates."),
    "few": ("不足 5 辆时显示“<5”。", "Fewer than 5 vehicles are shown as “<5”."),
    "now_one": ("{name}现在：PM2.5 ", "{name} now: PM2.5 "),
    "now_many": ("现在 PM2.5 最高处：{name}，", "Highest PM2.5 now: {name}, "),
    "no_air_now": ("现在还没有空气数据。", "No air data yet."),
    "unit_spoken": ("微克/立方米", "µg/m³"),
    "sentence_end": ("。", "."),
    "comma": ("，", ", "),
    "updated": ("更新于", "Updated"),
    "alerts_firing": ("{n} 条告警", "Alerts firing: {n}"),
    "stations": ("站点", "Stations"),
    "alerts": ("告警", "Alerts"),
    "alert": ("告警内容", "Alert"),
    "station": ("站点", "Station"),
    "hour_mean": ("近 60 分钟平均", "60 min mean"),
    "latest": ("最新读数", "latest"),
    "minutes_of": ("{n}/60 分钟", "{n}/60 min"),
    "provisional": ("不足 45 分钟，暂定", "under 45 min, provisional"),
    "corrected": ("已校正", "corrected"),
    "uncorrected": ("未校正", "uncorrected"),
    "index": ("分指数", "sub-index"),
    "map": ("地图", "Map"),
    "no_places": ("还没有站点报告位置。", "No station has a position yet."),
    "levels_mean": ("级别是什么意思", "What the levels mean"),
    "levels_how": (
        "按 HJ 633-2026 由近 60 分钟平均浓度算出 PM2.5 和 PM10 的空气质量分指数，取较大者；不足 45 分钟为暂定。",
        "Sub-indices of PM2.5 and PM10 under HJ 633-2026, from the mean of the last 60 minutes; the larger one counts."
        " Provisional under 45 minutes.",
    ),
    "level": ("级别", "Level"),
    "sensor": ("传感器", "Sensor"),
    "live": ("数据实时", "live"),
    "stale": ("数据过期", "out of date"),
    "none": ("尚无数据", "no data yet"),
    "none_long": ("站点已登记，等待第一条读数。", "Station accepted, waiting for the first reading."),
    "nothing_hour": ("最近一小时没有读数。", "No readings in the last hour."),
    "online": ("在线", "online"),
    "offline": ("离线", "offline"),
    "link_unknown": ("连接未知", "link unknown"),
    "last_hour": ("最近一小时", "last hour"),
    "last_minutes": ("最近 10 分钟", "last 10 min"),
    "lowest": ("最低", "lowest"),
    "highest": ("最高", "highest"),
    "as_table": ("以表格查看", "View as table"),
    "time": ("时间", "Time"),
    "traffic": ("交通", "Traffic"),
    "vehicles": ("车辆", "Vehicles"),
    "vehicles_per": ("车辆/{n} 分钟", "vehicles per {n} min"),
    "flow": ("车流量", "flow"),
    "per_hour": ("辆/时", "vehicles/h"),
    "speed": ("平均车速", "mean speed"),
    "heavy": ("大型车", "heavy"),
    "so_far": ("起至今", "so far"),
    "threshold": ("告警阈值", "alert above"),
    "no_alerts_long": ("现在没有告警。", "No alerts at the moment."),
    "state": ("状态", "State"),
    "pending": ("待确认", "pending"),
    "firing": ("告警中", "firing"),
    "resolved": ("已解除", "resolved"),
    "rule": ("规则", "Rule"),
    "value": ("数值", "Value"),
    "limit": ("阈值", "Threshold"),
    "since": ("开始", "Since"),
    "critical": ("紧急", "critical"),
    "major": ("严重", "major"),
    "minor": ("一般", "minor"),
    "warning": ("警告", "warning"),
    "info": ("提示", "info"),
    "acked": ("已确认", "acknowledged"),
    "store_down": (
        "数据库暂时没有回答；读数仍在采集，稍后补上。",
        "The database does not answer at the moment; readings are still being collected and will follow.",
    ),
    "no_stations": ("还没有站点。", "No stations yet."),
    "all_stations": ("全部站点", "All stations"),
    "page_of": ("第 {n} 页，共 {all} 页", "Page {n} of {all}"),
    "earlier_page": ("上一页", "Previous page"),
    "next_page": ("下一页", "Next page"),
    "generated": ("页面生成于", "Page generated at"),
    "connected": ("自动更新", "updates by itself"),
    "disconnected": ("连接中断，正在重连", "connection lost, trying again"),
    "take_part": ("参与", "Take part"),
    "open_data": ("开放数据", "Open data"),
    "open_data_about": (
        "这里的读数任何人都可以下载、使用和再发布，注明来源即可。",
        "Anybody may download, use and republish these readings; name the source.",
    ),
    "licence": ("许可", "Licence"),
    "download": ("下载最近一天的数据", "Download the last day"),
    "air": ("空气", "Air"),
    "api_about": (
        "无需登录。时间要带时区；每页末尾的 next 指向下一页；出错时 reason 说明原因。",
        "No login. Times carry their offset; `next` leads to the next page; `reason` says why a question was refused.",
    ),
    "columns": ("数据列", "Columns"),
    "columns_about": (
        "单位写在列名里。rows 是该时段的读数条数，cq 是时钟质量（0 已同步，1 事后校正，2 估计），qc 是最差的质量标志，"
        "masked 列出因车辆不足 5 辆而隐去的列。",
        "Units are in the names. rows: stored readings in the window. cq: clock quality (0 synced, 1 restored,"
        " 2 estimated). qc: the worst quality flag. masked: columns taken out because they tell of fewer than"
        " 5 vehicles.",
    ),
    "how_measured": ("这个数怎么来的？", "How is this measured?"),
    "how_measured_lines": (
        "小型激光散射传感器每秒左右测一次颗粒物，与监测站的标准方法不同。\n"
        "先求每分钟平均，再求近 60 分钟平均；满 45 分钟才算完整。\n"
        "相对湿度高于 70% 时，颗粒物读数可能偏高。\n"
        "“已校正”表示读数按本站的校准换算过；“未校正”是传感器的原始数值。\n"
        "雷达只数经过的车辆和车速，在灯杆上汇总后才发出。",
        "Small laser-scattering sensors measure particles about every second; this is not a reference method.\n"
        "Minute means are made first, then the mean of the last 60 minutes; it is complete from 45 minutes on.\n"
        "Above 70 % relative humidity particle readings may be too high.\n"
        "“Corrected” readings have been calibrated for this station; “uncorrected” are as the sensor gave them.\n"
        "The radar counts passing vehicles and their speed; only totals leave the lamppost.",
    ),
    "height": ("离地高度", "Height above ground"),
    "reports": ("问题报告", "Problem reports"),
    "no_reports": ("还没有人报告问题。", "Nobody has reported a problem."),
    "reported": ("已收到，谢谢。处理结果会写在这里。", "Received, thank you. The answer will stand here."),
    "report_this": ("报告这个站点的问题", "Report a problem with this station"),
    "report_kind": ("哪一类问题？", "What is it about?"),
    "report_values": ("数值看起来不对", "Values look wrong"),
    "report_stale": ("数据不更新", "Data is out of date"),
    "report_damaged": ("设备损坏", "Equipment is damaged"),
    "report_place": ("位置不对", "Place is wrong"),
    "report_other": ("其他", "Something else"),
    "report_text": ("请描述（最多 1000 字）", "Please describe it (up to 1000 characters)"),
    "report_contact": ("联系方式（可不填）", "How to reach you (optional)"),
    "report_privacy": (
        "类别立即公开；内容在答复时由工作人员决定是否公开；联系方式从不公开，答复后删除。",
        "The kind is public at once; your text only if staff show it with the answer;"
        " your contact never, and it is deleted after the answer.",
    ),
    "send": ("提交", "Send"),
    "unanswered": ("待答复", "waiting for an answer"),
    "answered": ("已答复", "answered"),
    "answer": ("答复", "Answer"),
    "changes": ("站点变更记录", "Changes at this station"),
    "no_changes": ("还没有变更记录。", "No changes yet."),
    "change_installed": ("安装", "installed"),
    "change_moved": ("移动", "moved"),
    "change_recalibrated": ("重新校准", "recalibrated"),
    "change_repaired": ("维修", "repaired"),
    "change_removed": ("拆除", "removed"),
    "refused_form": ("表单内容不完整或不合规。", "The form is incomplete or not as expected."),
    "refused_origin": ("表单必须从本站提交。", "The form must be sent from this site."),
    "refused_often": ("提交太频繁，请一小时后再试。", "Too many at once; please try again in an hour."),
    "not_found": ("没有这个页面。", "There is no such page."),
    "not_found_station": ("没有这个站点。", "There is no such station."),
    "back": ("回到首页", "Back to the first page"),
    "sensors": ("传感器", "Sensors"),
    "clock": ("时钟", "Clock"),
    "synced": ("已同步", "synced"),
    "restored": ("事后校正", "restored"),
    "estimated": ("估计", "estimated"),
    "unsynced": ("未同步", "not synced"),
    "oldest_unsent": ("最旧未发读数", "Oldest unsent reading"),
    "nothing_unsent": ("无", "none"),
    "about_station": ("关于本站", "About this station"),
    "link": ("连接", "Link"),
    "data": ("数据", "Data"),
    "ago_s": ("{n} 秒前", "{n} s ago"),
    "ago_min": ("{n} 分钟前", "{n} min ago"),
    "ago_h": ("{n} 小时前", "{n} h ago"),
    "ago_d": ("{n} 天前", "{n} d ago"),
}


class Words:
    """One language in one time zone, as templates use it: `w("notice")`, `w.age(ms)`, `w.number(37.2)`."""

    def __init__(self, language: Language, time_zone: str, now_ms: Callable[[], int]) -> None:
        self.language: Language = language
        self.zone = ZoneInfo(time_zone)
        self._now_ms = now_ms

    def __call__(self, key: str, **parts: object) -> str:
        """The text of `key`; KeyError when nobody wrote it."""
        text = TEXTS[key][self.language == "en"]
        return text.format(**parts) if parts else text

    def pick(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    def known(self, word: str) -> str:
        """A word of the field (a severity, a clock state) in this language, or the word itself."""
        return self(word) if word in TEXTS else word

    def age(self, time_ms: int) -> str:
        """How long ago, in the largest unit that is at least one."""
        seconds = max(0, self._now_ms() - time_ms) // 1000
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
            if seconds >= size:
                return self(f"ago_{unit}", n=seconds // size)
        return self("ago_s", n=seconds)

    def clock(self, time_ms: float, seconds: bool = False) -> str:
        return self._local(time_ms).strftime("%H:%M:%S" if seconds else "%H:%M")

    def moment(self, time_ms: float) -> str:
        return self._local(time_ms).strftime("%Y-%m-%d %H:%M:%S")

    def iso(self, time_ms: float) -> str:
        return self._local(time_ms).isoformat(timespec="seconds")

    def number(self, value: float | None, decimals: int = 0) -> str:
        """A value without false precision; a dash where there is none. Zero is a value."""
        return "–" if value is None else f"{value + 0.0:.{decimals}f}"

    def path(self, path: str) -> str:
        """The address of a page in this language."""
        return path if self.language == "zh" else "/en" + path

    def _local(self, time_ms: float) -> datetime:
        return datetime.fromtimestamp(time_ms / 1000, self.zone)
