"""The board under the agent: clock, power, heat, network, service, log."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import suppress

from edge_agent.device import clock
from edge_agent.device.identify import find_led
from edge_agent.device.update import BEFORE
from edge_agent.doctor.result import Result, Station, fail, ok, skip, warn

WRITTEN_S = 1_790_000_000  # this program was written about then: an earlier clock is wrong
UNIT = "lamppost-agent"


def clock_sync(station: Station) -> Result:
    """NTP has set the clock; until then readings wait for their true time."""
    check = "clock.sync"
    if clock.synchronised():
        return ok(check, time.strftime("set by NTP, %Y-%m-%d %H:%M UTC", time.gmtime()))
    if station.settings is not None and station.settings.clock.trust == "always":
        return warn(
            check,
            "not set by NTP, but clock.trust is always",
            "sudo lamppost agent config set clock.trust when-synchronised",
        )
    text = "not set by NTP: readings wait unsent, with their true time kept"
    return warn(check, text, "sudo timedatectl set-ntp true; is UDP port 123 open?")


def clock_past(station: Station) -> Result:  # noqa: ARG001
    """The clock is not in the past of this program."""
    check = "clock.backwards"
    if time.time() < WRITTEN_S:
        return fail(check, time.strftime("the clock says %Y-%m-%d", time.gmtime()), "connect it; or sudo date -s ...")
    return ok(check, "not in the past")


def clock_rtc(station: Station) -> Result:
    """A board with a battery wakes knowing the time."""
    check = "clock.rtc"
    name = station.text("/sys/class/rtc/rtc0/name")
    return ok(check, name) if name else ok(check, "none: after a power cut readings wait for NTP")


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
        return skip(check, "this board does not tell")
    cure = "use the 5 V 3 A supply and a short thick cable"
    if bits & 0x1:
        return fail(check, "under-voltage now", cure)
    if bits & 0x10000:
        return warn(check, "under-voltage since boot", cure)
    return ok(check, "no under-voltage since boot")


def temperature(station: Station) -> Result:
    """The processor's own."""
    check = "temp"
    text = station.text("/sys/class/thermal/thermal_zone0/temp")
    if not text.lstrip("-").isdigit():
        return skip(check, "this board does not tell")
    degrees = int(text) / 1000
    if degrees >= 80:
        return warn(check, f"{degrees:.0f} °C: it slows down", "shade, and holes below and above")
    return ok(check, f"{degrees:.0f} °C")


def route(station: Station) -> Result:
    """There is a way out."""
    check = "net.route"
    lines = [line.split() for line in station.text("/proc/net/route").splitlines()[1:]]
    ways = [line[0] for line in lines if len(line) > 2 and line[1] == "00000000"]
    lines6 = [line.split() for line in station.text("/proc/net/ipv6_route").splitlines()]
    ways += [line[-1] for line in lines6 if line[0] == "0" * 32 and line[1] == "00" and line[-1] != "lo"]
    if ways:
        return ok(check, f"default route by {ways[0]}")
    host = station.settings.broker.host if station.settings else ""
    if host in ("127.0.0.1", "localhost", "::1"):
        return ok(check, "none, and the broker is on this device")
    return fail(check, "no default route: no network", "SIM, antenna, cable? then: nmcli device")


def signal(station: Station) -> Result:
    """How strong the radio is, where there is one."""
    check = "net.signal"
    for line in station.text("/proc/net/wireless").splitlines()[2:]:
        name, *numbers = line.split()
        level = int(float(numbers[2].rstrip(".")))
        text = f"{name.rstrip(':')} {level} dBm"
        return ok(check, text) if level > -75 else warn(check, f"{text}: weak", "turn or raise the antenna")
    return skip(check, "no Wi-Fi; a modem: mmcli -m 0 --signal-get")


def led(station: Station) -> Result:
    """The status LED is there, and the agent's group may write it."""
    check = "led"
    wants = station.settings.led if station.settings is not None else None
    if wants is None:
        return skip(check, "no status LED in the settings")
    found = find_led(station.root, wants.name)
    if found is None:
        return warn(
            check, f"there is no LED {wants.name}", "ls /sys/class/leds; lamppost agent config set led.name=ACT"
        )
    if not (found / "brightness").stat().st_mode & 0o020:
        return warn(check, f"the agent may not set {wants.name}", "sudo lamppost agent fix led")
    return ok(check, f"{wants.name} shows how it is")


def service(station: Station) -> list[Result]:
    """It starts by itself, systemd watches over it, and it does not fall over and over."""
    checks = ("service.enabled", "service.watchdog", "service.restarts")
    if shutil.which("systemctl") is None or not (station.root / "run/systemd/system").exists():
        return [skip(check, "no systemd runs here") for check in checks]
    wanted = "UnitFileState,ActiveState,NRestarts,WatchdogUSec,LoadState"
    answer = subprocess.run(
        ["systemctl", "show", UNIT, f"--property={wanted}"], capture_output=True, text=True, timeout=5, check=False
    )
    said = dict(line.partition("=")[::2] for line in answer.stdout.splitlines())
    if said.get("LoadState") != "loaded":
        return [
            warn(checks[0], "not installed: after a power cut nobody starts it", "sudo lamppost agent service install"),
            *(skip(check, "needs service.enabled") for check in checks[1:]),
        ]
    return service_results(said)


def service_results(said: dict[str, str]) -> list[Result]:
    """What systemd's properties mean."""
    restarts = int(said.get("NRestarts") or 0)
    active, enabled = said.get("ActiveState") == "active", said.get("UnitFileState") == "enabled"
    if not active:
        first = fail("service.enabled", f"it is {said.get('ActiveState')}", "sudo lamppost agent service logs")
    elif not enabled:
        first = fail("service.enabled", "does not start after a power cut", "sudo systemctl enable " + UNIT)
    else:
        first = ok("service.enabled", "runs, and starts by itself")
    watched = said.get("WatchdogUSec", "0") not in ("", "0", "infinity")
    second = (
        ok("service.watchdog", f"within {said['WatchdogUSec']}")
        if watched
        else warn("service.watchdog", "off", "sudo lamppost agent service install")
    )
    third = (
        ok("service.restarts", f"{restarts} restarts")
        if restarts < 3
        else warn("service.restarts", f"{restarts} restarts", "sudo lamppost agent service logs")
    )
    return [first, second, third]


def version(station: Station) -> Result:
    """The running agent is the installed one, and the update that brought it came to its end."""
    from importlib.metadata import version as installed

    check, here = "version", installed("lamppost")
    if station.said is not None and station.said["version"] != here:
        text = f"{station.said['version']} runs, {here} is installed"
        return warn(check, text, "sudo lamppost agent service restart")
    with suppress(PermissionError):  # the packages are root's
        if (station.root / str(BEFORE).lstrip("/")).exists():
            text = f"{here}, and its update is under way or was cut off: nobody has judged it"
            back = f"sudo dpkg --configure -a; sudo apt install --allow-downgrades {BEFORE}"
            return warn(check, text, f"all well? sudo rm {BEFORE}; else: {back}")
    return ok(check, here)


def journal(station: Station) -> Result:
    """The log of a board on an SD card belongs into memory."""
    check = "journal.volatile"
    if not (station.root / "var/log/journal").is_dir():
        return ok(check, "the log lives in memory")
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
        return ok(check, "the log lives in memory")
    if not list((station.root / "sys/block").glob("mmcblk*")):
        return ok(check, "on disk, and no SD card here")
    return warn(check, "the log wears the SD card", "sudo lamppost agent fix journal")
