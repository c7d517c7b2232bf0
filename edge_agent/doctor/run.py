"""All checks side by side, in under ten seconds. The ids stay for ever; the list is the only place that names them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from edge_agent.doctor import broker_checks as broker
from edge_agent.doctor import config_checks as config
from edge_agent.doctor import delivery_checks as delivery
from edge_agent.doctor import machine_checks as machine
from edge_agent.doctor import sensor_checks as sensor
from edge_agent.doctor import serial_checks as serial
from edge_agent.doctor.result import Result, Station, fail, skip, warn
from wire.both import Both, zh
from wire.breakdown import place_of
from wire.exits import Exit, Failure, reason

DEADLINE_S = 9.0


class Check(NamedTuple):
    """One check: its id (the beginning of the ids of its results), what it asks, and the function that answers."""

    id: str
    asks: Both
    look: Callable[[Station], Result | list[Result]]


CHECKS = (
    Check("config.valid", Both("can the settings be used?", "配置能用吗？"), config.config_valid),
    Check("profile.exists", Both("is every sensor's model known?", "传感器的型号都认识吗？"), config.profile_exists),
    Check("serial.exists", Both("is every port there?", "串口都在吗？"), serial.serial_exists),
    Check("serial.access", Both("may the agent open ports?", "采集程序有权打开串口吗？"), serial.serial_access),
    Check("serial.console", Both("is a port the login console?", "串口被登录终端占用了吗？"), serial.serial_console),
    Check(
        "serial.busy", Both("does another program read our ports?", "有别的程序在读所用串口吗？"), serial.serial_busy
    ),
    Check("serial.by-id", Both("do the ports' names stay?", "串口名称固定吗？"), serial.serial_by_id),
    Check("serial.latency", Both("does an adapter hold bytes back?", "适配器会延迟上送吗？"), serial.serial_latency),
    Check("uart.overlay", Both("has Bluetooth the good UART?", "好的 UART 被蓝牙占用了吗？"), serial.uart_overlay),
    Check("sensor", Both("does every sensor speak soundly?", "传感器的数据都正常吗？"), sensor.sensors),
    Check("clock.sync", Both("has NTP set the clock?", "时钟由 NTP 校准了吗？"), machine.clock_sync),
    Check("clock.backwards", Both("is the clock in the past?", "时钟倒退了吗？"), machine.clock_past),
    Check("clock.rtc", Both("does the board wake knowing the time?", "断电后还知道时间吗？"), machine.clock_rtc),
    Check("net.route", Both("is there a way out?", "通网吗？"), machine.route),
    Check("net.signal", Both("how strong is the radio?", "无线信号多强？"), machine.signal),
    Check("broker", Both("each step of the way to the broker", "到服务器的每一步"), broker.broker),
    Check("broker.steady", Both("does the connection last?", "连接稳定吗？"), broker.steady),
    Check("collector.ack", Both("are readings stored in the database?", "读数入库了吗？"), delivery.collector_ack),
    Check("spool.integrity", Both("is the spool's file whole?", "缓存文件完好吗？"), delivery.spool_integrity),
    Check("spool.space", Both("is there room for readings?", "还有地方存读数吗？"), delivery.spool_space),
    Check("spool.age", Both("how long do readings wait?", "读数等了多久？"), delivery.spool_age),
    Check("disk.readonly", Both("can the disk be written?", "磁盘能写入吗？"), delivery.disk_readonly),
    Check("disk.errors", Both("has the file system errors?", "文件系统有错误吗？"), delivery.disk_errors),
    Check("power.undervolt", Both("is the supply strong enough?", "供电够吗？"), machine.power),
    Check("temp", Both("is it too hot?", "温度过高吗？"), machine.temperature),
    Check("led", Both("may the agent set the status LED?", "采集程序能控制状态灯吗？"), machine.led),
    Check("service", Both("does it start by itself, and stay up?", "会自动启动、稳定运行吗？"), machine.service),
    Check("journal.volatile", Both("does the log wear the card?", "日志磨损存储卡吗？"), machine.journal),
    Check("version", Both("is the installed version the running one?", "运行的是安装的版本吗？"), machine.version),
)


def chosen(only: Iterable[str], leave_out: Iterable[str] = ()) -> list[Check]:
    """The checks that `only` and `leave_out` name, by id or by its beginning. Raises Failure for an unknown id."""
    for name in (*only, *leave_out):
        if not any(_means(name, check.id) for check in CHECKS):
            raise Failure(
                Exit.USAGE,
                "check-unknown",
                Both(f"no check is called {name}", f"没有名为 {name} 的检查"),
                "lamppost agent doctor --list",
            )
    return [
        check
        for check in CHECKS
        if (not only or any(_means(name, check.id) for name in only))
        and not any(check.id == name or check.id.startswith(name + ".") for name in leave_out)
    ]


def _found(check: Check, answer: Future[Result | list[Result]]) -> Result | list[Result]:
    """What a check found; a file it may not see, a disk that fails or a fault of its own costs no other its word."""
    try:
        return answer.result()
    except PermissionError as error:
        return skip(
            check.id, Both(f"{error.filename} may not be seen by you: sudo", f"您无权查看 {error.filename}：请用 sudo")
        )
    except OSError as error:
        text = Both(f"{error.filename}: {reason(error)}", f"{error.filename}：{zh(reason(error))}")
        return fail(check.id, text, Both("is the card failing? --only disk", "存储卡快坏了？--only disk"))
    except Exception as error:  # noqa: BLE001 - of a check that breaks, too
        file, line = place_of(error)
        what = f"{type(error).__name__}"
        text = Both(f"the check itself breaks: {what} at {file}:{line}", f"检查本身出错：{what}，{file}:{line}")
        return fail(check.id, text, Both("report it", "请报告这个错误"))


def _means(name: str, check: str) -> bool:
    return check == name or check.startswith(name + ".") or name.startswith(check + ".")


def examine(station: Station, checks: Iterable[Check], only: Iterable[str] = ()) -> tuple[list[Result], float]:
    """The results in the list's order, and how long it took. A check that takes too long is a warning of its own."""
    began_s = time.monotonic()
    wanted = list(checks)
    _ = station.settings, station.said  # read once, before several threads want them
    pool = ThreadPoolExecutor(max(len(wanted), 1), thread_name_prefix="doctor")
    answers = [pool.submit(check.look, station) for check in wanted]
    wait(answers, DEADLINE_S)
    results: list[Result] = []
    for check, answer in zip(wanted, answers, strict=True):
        if not answer.done():
            text = Both(f"no answer within {DEADLINE_S:g} s", f"{DEADLINE_S:g} 秒内没有结果")
            results.append(warn(check.id, text, Both("look again; is the board very busy?", "再看一次；板子太忙了？")))
            continue
        found = _found(check, answer)
        results += found if isinstance(found, list) else [found]
    pool.shutdown(wait=False, cancel_futures=True)
    if only:
        results = [r for r in results if any(r.id == name or r.id.startswith(name + ".") for name in only)]
    return results, time.monotonic() - began_s
