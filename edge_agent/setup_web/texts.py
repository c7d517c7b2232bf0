"""The set-up page's words in Chinese and English."""

from __future__ import annotations

from edge_agent.setup.answers import SITE, WHERE, WHO
from wire.both import Both, Language, in_language
from wire.exits import Failure

TEXTS: dict[str, Both] = {
    "title": Both("Station set-up", "站点安装"),
    "code": Both("The six digits that the terminal shows", "终端上显示的六位数字"),
    "enter": Both("Enter", "进入"),
    "wrong": Both("That is not the code; {n} tries left.", "数字不对，还可再试 {n} 次。"),
    "taken": Both(
        "Another phone or browser is already using this page. If it is lost, start the set-up again at the terminal.",
        "已有另一部手机或浏览器在使用本页。若无法再用它，请在终端重新运行安装命令。",
    ),
    "token-unreadable": Both("The token is damaged: copy it again.", "令牌不完整或有误，请重新复制。"),
    "token-refused": Both(
        "The token has been used, has expired or is another device's: ask for a new one.",
        "令牌已用过、已过期或不属于本机，请向管理中心要新的。",
    ),
    "office-silent": Both("The office cannot be reached: check the network.", "连不上管理中心：请检查网络。"),
    "over": Both(
        "This page has ended. Start the set-up again at the terminal.", "本页已结束。请在终端重新运行安装命令。"
    ),
    "sensors": Both("Sensors", "传感器"),
    "searching": Both("Searching the ports, up to a minute ...", "正在搜索串口，最多约一分钟 …"),
    "no_ports": Both(
        "No sensor was found. Check power and wires (TX/RX crossed, on RS-485 A and B), then search again.",
        "没有找到传感器。检查供电和接线（TX/RX 要交叉，RS-485 的 A/B 不要接反），然后重新搜索。",
    ),
    "no-port": Both(
        "There is no serial port here. Plug the sensor or its adapter in, then search again.",
        "这台设备上没有串口。请插上传感器或它的适配器，然后重新搜索。",
    ),
    "ports-held": Both(
        "Another program reads the ports. If it is the agent: sudo systemctl stop lamppost-agent at the terminal, "
        "then search again.",
        "串口正被别的程序读取。如果是采集程序本身，请在终端运行 sudo systemctl stop lamppost-agent，然后重新搜索。",
    ),
    "ports-blocked": Both(
        "A login console or Bluetooth has the port. Run sudo lamppost agent fix serial-console at the terminal, "
        "then set up again.",
        "串口被登录终端或蓝牙占用。请在终端运行 sudo lamppost agent fix serial-console，再重新安装。",
    ),
    "ports-not-permitted": Both(
        "The ports may not be opened. Start the set-up again at the terminal with sudo.",
        "没有权限打开串口。请在终端用 sudo 重新运行安装命令。",
    ),
    "again": Both("Search again", "重新搜索"),
    "nothing_heard": Both(
        "nothing that a known model sends; if a sensor is there, choose its model below",
        "没有可识别的数据；若接有传感器，请在下面选择型号",
    ),
    "unplugged": Both("unplugged? Put it back, and it goes on by itself", "拔掉了？插好后会自动继续"),
    "unsure": Both("cannot be told apart by itself: choose below", "型号无法自动区分，请在下面选择"),
    "still_searching": Both(
        "the ports are still being searched: press once more when that is over", "还在搜索串口，搜索结束后请再按一次"
    ),
    "choose_models": Both(
        "a port was not recognised: choose its model below, or none of them, and press once more",
        "有串口未能识别：请在下面选择型号或“都不是”，然后再按一次",
    ),
    "which": Both("Which one is on {port}?", "{port} 上是哪一种？"),
    "none": Both("none of them", "都不是"),
    "moving": Both(
        "Values update every 3 s. Breathe on a sensor or wave at it, and watch them move.",
        "数值每 3 秒更新。对着传感器哈气或挥手，看它是否变化。",
    ),
    "station": Both("Station", "站点"),
    "token": Both(
        "One-time token from the office (with it, name and broker are not needed)",
        "一次性令牌（由管理中心发放，有它就不用填名称和服务器）",
    ),
    "node": Both("Name of this device, such as lp-0017", "本机名称，如 lp-0017"),
    "site": SITE,
    "who": WHO,
    "where": WHERE,
    "position": Both("Position (latitude,longitude), may be empty", "坐标（纬度,经度），可不填"),
    "broker": Both("Broker, host[:port]", "服务器地址[:端口]"),
    "password": Both(
        "A broker that wants a password is set up at the terminal: this page is not encrypted.",
        "服务器若需要密码，请在终端安装：本页不加密。",
    ),
    "start": Both("Write and prove", "写入并验证"),
    "proving": Both(
        "Proving: a reading of each sensor goes to the database and back ...",
        "正在验证：每个传感器的一条读数要存入数据库并读回 …",
    ),
    "proved": Both(
        "Done: every reading was read back from the database. Close the lid.",
        "完成：全部读数已从数据库读回。可以合上箱盖。",
    ),
    "proved_but": Both(
        "Every reading was read back from the database, but a check failed: see below before you close the lid.",
        "全部读数已从数据库读回，但有检查未通过：合上箱盖前请看下文。",
    ),
    "unproved": Both("Not done: not every reading was read back. See below.", "未完成：并非所有读数都读回。见下文。"),
    "no_sensors": Both("there is no sensor to use yet", "还没有可用的传感器"),
    "need": Both("please fill this in", "请填写"),
    "names_are": Both("small letters, digits and hyphens", "小写字母、数字和连字符"),
    "spot_is": Both("latitude first, comma, longitude: 39.9,116.4", "先纬度后经度，用逗号隔开：39.9,116.4"),
    "address_is": Both(
        "a host name or address, and :port if need be; of a cluster all, with commas",
        "只写主机名或地址，可加 :端口；集群各节点用逗号分开",
    ),
    "clock": Both("The clock has not been set by NTP yet", "时钟还没有由 NTP 校准"),
    "clock_wait": Both("wait for NTP: readings stay here until then", "等待校准：读数先留在本机"),
    "clock_believe": Both("believe it as it is", "相信现在的时钟"),
    "left": Both("this page stays open for {n} min", "本页还开放 {n} 分钟"),
}


class Words:
    """One language: `t("code")`, `t("wrong", n=3)`."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **parts: object) -> str:
        text = in_language(TEXTS[key], self.language)
        return text.format(**parts) if parts else text

    def failure(self, failure: Failure) -> str:
        """Why something could not be done: what is likely, then as the terminal says it."""
        known = f"{self(failure.word)} " if failure.word in TEXTS else ""
        return known + in_language(failure.line(), self.language)

    def known(self, key: str) -> str:
        """The text of a key, or what was said instead of one."""
        return self(key) if key in TEXTS else in_language(key, self.language)


def language_of(asked: str | None, accepts: str) -> Language:
    """What the reader chose, else what the phone prefers; Chinese only where it is named before English."""
    if asked in ("zh", "en"):
        return "zh" if asked == "zh" else "en"
    zh, en = accepts.lower().find("zh"), accepts.lower().find("en")
    return "zh" if zh >= 0 and (en < 0 or zh < en) else "en"
