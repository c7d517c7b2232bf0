"""The board under the agent: clock, power, heat, network, service, log."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import suppress

from edge_agent.device import clock
from edge_agent.device.identify import find_led
from edge_agent.device.update import BEFORE
from edge_agent.doctor.result import Result, Station, fail, needs, ok, skip, warn
from wire.both import Both, same

WRITTEN_S = 1_790_000_000  # this program was written about then: an earlier clock is wrong
UNIT = "lamppost-agent"
_SILENT = Both("this board does not tell", "这块板子不提供")
_IN_MEMORY = Both("the log lives in memory", "日志放在内存里")
_LOGS = same("sudo lamppost agent service logs")
_INSTALL = same("sudo lamppost agent service install")


def clock_sync(station: Station) -> Result:
    """NTP has set the clock; until then readings wait for their true time."""
    check = "clock.sync"
    if clock.synchronised():
        now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        return ok(check, Both(f"set by NTP, {now}", f"已由 NTP 校准，{now}"))
    if station.settings is not None and station.settings.clock.trust == "always":
        return warn(
            check,
            Both("not set by NTP, but clock.trust is always", "未经 NTP 校准，但 clock.trust 设为 always"),
            same("sudo lamppost agent config set clock.trust when-synchronised"),
        )
    text = Both(
        "not set by NTP: readings wait unsent, with their true time kept",
        "未经 NTP 校准：读数暂不发送，校准后补上正确时间",
    )
    cure = Both(
        "sudo timedatectl set-ntp true; is UDP port 123 open?",
        "sudo timedatectl set-ntp true；UDP 123 端口放行了吗？",
    )
    return warn(check, text, cure)


def clock_past(station: Station) -> Result:  # noqa: ARG001
    """The clock is not in the past of this program."""
    check = "clock.backwards"
    if time.time() < WRITTEN_S:
        today = time.strftime("%Y-%m-%d", time.gmtime())
        cure = Both("connect it; or sudo date -s ...", "联网校时；或者 sudo date -s ...")
        return fail(check, Both(f"the clock says {today}", f"时钟显示 {today}"), cure)
    return ok(check, Both("not in the past", "没有倒退"))


def clock_rtc(station: Station) -> Result:
    """A board with a battery wakes knowing the time."""
    check = "clock.rtc"
    name = station.text("/sys/class/rtc/rtc0/name")
    none = Both("none: after a power cut readings wait for NTP", "没有 RTC：断电后读数要等 NTP 校时")
    return ok(check, same(name) if name else none)


def power(station: Station) -> Result:
    """Under-voltage now, or since boot: the cause of half of all strange faults."""
    check = "power.undervolt"
    text = station.text("/sys/devices/platform/soc/soc:firmware/get_throttled")
    bits: int | None = int(text, 16) if text else None
    if bits is None:
        alarms = [
            place.read_text(encoding="utf-8").strip()
            for place in (station.root / "sys/class/hwmon").glob("*/in0_lcrit_alarm")
        ]
        bits = (1 if "1" in alarms else 0) if alarms else None
    if bits is None:
        return skip(check, _SILENT)
    cure = Both("use the 5 V 3 A supply and a short thick cable", "换 5 V 3 A 电源和短而粗的电源线")
    if bits & 0x1:
        return fail(check, Both("under-voltage now", "现在欠压"), cure)
    if bits & 0x10000:
        return warn(check, Both("under-voltage since boot", "开机以来有过欠压"), cure)
    return ok(check, Both("no under-voltage since boot", "开机以来没有欠压"))


def temperature(station: Station) -> Result:
    """The processor's own."""
    check = "temp"
    text = station.text("/sys/class/thermal/thermal_zone0/temp")
    if not text.lstrip("-").isdigit():
        return skip(check, _SILENT)
    degrees = int(text) / 1000
    if degrees >= 80:
        text = Both(f"{degrees:.0f} °C: it slows down", f"{degrees:.0f} °C，处理器已降频")
        return warn(check, text, Both("shade, and holes below and above", "加遮阳，箱体上下开通风孔"))
    return ok(check, same(f"{degrees:.0f} °C"))


def route(station: Station) -> Result:
    """There is a way out."""
    check = "net.route"
    lines = [line.split() for line in station.text("/proc/net/route").splitlines()[1:]]
    ways = [line[0] for line in lines if len(line) > 2 and line[1] == "00000000"]
    lines6 = [line.split() for line in station.text("/proc/net/ipv6_route").splitlines()]
    ways += [line[-1] for line in lines6 if line[0] == "0" * 32 and line[1] == "00" and line[-1] != "lo"]
    if ways:
        return ok(check, Both(f"default route by {ways[0]}", f"默认路由走 {ways[0]}"))
    host = station.settings.broker.host if station.settings else ""
    if host in ("127.0.0.1", "localhost", "::1"):
        return ok(check, Both("none, and the broker is on this device", "没有，服务器就在本机"))
    cure = Both("SIM, antenna, cable? then: nmcli device", "检查 SIM 卡、天线、网线，然后：nmcli device")
    return fail(check, Both("no default route: no network", "没有默认路由：不通网"), cure)


def signal(station: Station) -> Result:
    """How strong the radio is, where there is one."""
    check = "net.signal"
    for line in station.text("/proc/net/wireless").splitlines()[2:]:
        name, *numbers = line.split()
        level = int(float(numbers[2].rstrip(".")))
        text = f"{name.rstrip(':')} {level} dBm"
        if level > -75:
            return ok(check, same(text))
        cure = Both("turn or raise the antenna", "转动或抬高天线")
        return warn(check, Both(f"{text}: weak", f"{text}，信号弱"), cure)
    modem = Both("no Wi-Fi; a modem: mmcli -m 0 --signal-get", "没有 Wi-Fi；上网模块：mmcli -m 0 --signal-get")
    return skip(check, modem)


def led(station: Station) -> Result:
    """The status LED is there, and the agent's group may write it."""
    check = "led"
    wants = station.settings.led if station.settings is not None else None
    if wants is None:
        return skip(check, Both("no status LED in the settings", "配置里没有状态灯"))
    found = find_led(station.root, wants.name)
    if found is None:
        text = Both(f"there is no LED {wants.name}", f"没有名为 {wants.name} 的灯")
        return warn(check, text, same("ls /sys/class/leds; lamppost agent config set led.name=ACT"))
    if not (found / "brightness").stat().st_mode & 0o020:
        text = Both(f"the agent may not set {wants.name}", f"采集程序无权控制 {wants.name}")
        return warn(check, text, same("sudo lamppost agent fix led"))
    return ok(check, Both(f"{wants.name} shows how it is", f"{wants.name} 正在显示状态"))


def service(station: Station) -> list[Result]:
    """It starts by itself, systemd watches over it, and it does not fall over and over."""
    checks = ("service.enabled", "service.watchdog", "service.restarts")
    if shutil.which("systemctl") is None or not (station.root / "run/systemd/system").exists():
        return [skip(check, Both("no systemd runs here", "这里没有运行 systemd")) for check in checks]
    wanted = "UnitFileState,ActiveState,NRestarts,WatchdogUSec,LoadState"
    answer = subprocess.run(
        ["systemctl", "show", UNIT, f"--property={wanted}"], capture_output=True, text=True, timeout=5, check=False
    )
    said = dict(line.partition("=")[::2] for line in answer.stdout.splitlines())
    if said.get("LoadState") != "loaded":
        text = Both("not installed: after a power cut nobody starts it", "服务没有安装：断电后不会自己启动")
        return [warn(checks[0], text, _INSTALL), *(skip(check, needs(checks[0])) for check in checks[1:])]
    return service_results(said)


def service_results(said: dict[str, str]) -> list[Result]:
    """What systemd's properties mean."""
    restarts = int(said.get("NRestarts") or 0)
    active, enabled = said.get("ActiveState") == "active", said.get("UnitFileState") == "enabled"
    if not active:
        state = said.get("ActiveState")
        first = fail("service.enabled", Both(f"it is {state}", f"服务没有运行（{state}）"), _LOGS)
    elif not enabled:
        text = Both("does not start after a power cut", "断电后不会自己启动")
        first = fail("service.enabled", text, same("sudo systemctl enable " + UNIT))
    else:
        first = ok("service.enabled", Both("runs, and starts by itself", "正在运行，开机自动启动"))
    watched = said.get("WatchdogUSec", "0") not in ("", "0", "infinity")
    second = (
        ok("service.watchdog", Both(f"within {said['WatchdogUSec']}", f"{said['WatchdogUSec']} 内无响应就重启"))
        if watched
        else warn("service.watchdog", Both("off", "看门狗没有开"), _INSTALL)
    )
    often = Both(f"{restarts} restarts", f"自动重启过 {restarts} 次")
    third = ok("service.restarts", often) if restarts < 3 else warn("service.restarts", often, _LOGS)
    return [first, second, third]


def version(station: Station) -> Result:
    """The running agent is the installed one, and the update that brought it came to its end."""
    from importlib.metadata import version as installed

    check, here = "version", installed("lamppost")
    if station.said is not None and station.said["version"] != here:
        runs = station.said["version"]
        text = Both(f"{runs} runs, {here} is installed", f"运行的是 {runs}，安装的是 {here}")
        return warn(check, text, same("sudo lamppost agent service restart"))
    with suppress(PermissionError):  # the packages are root's
        if (station.root / str(BEFORE).lstrip("/")).exists():
            text = Both(
                f"{here}, and its update is under way or was cut off: nobody has judged it",
                f"{here}，升级正在进行或中途断了：还没有判断好坏",
            )
            back = f"sudo dpkg --configure -a; sudo apt install --allow-downgrades {BEFORE}"
            cure = Both(f"all well? sudo rm {BEFORE}; else: {back}", f"一切正常？sudo rm {BEFORE}；否则：{back}")
            return warn(check, text, cure)
    return ok(check, same(here))


def journal(station: Station) -> Result:
    """The log of a board on an SD card belongs into memory."""
    check = "journal.volatile"
    if not (station.root / "var/log/journal").is_dir():
        return ok(check, _IN_MEMORY)
    settings = [station.root / "etc/systemd/journald.conf"]
    settings += sorted((station.root / "etc/systemd/journald.conf.d").glob("*.conf"))
    storage = [
        line.partition("=")[2].strip()
        for file in settings
        if file.exists()
        for line in file.read_text(errors="replace").splitlines()
        if line.startswith("Storage=")
    ]
    if storage and storage[-1] in ("volatile", "none"):
        return ok(check, _IN_MEMORY)
    if not list((station.root / "sys/block").glob("mmcblk*")):
        return ok(check, Both("on disk, and no SD card here", "在磁盘上，这里没有 SD 卡"))
    return warn(check, Both("the log wears the SD card", "日志会磨损 SD 卡"), same("sudo lamppost agent fix journal"))
