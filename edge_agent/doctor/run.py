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
from wire.breakdown import place_of
from wire.exits import Exit, Failure, reason

DEADLINE_S = 9.0


class Check(NamedTuple):
    """One check: its id (the beginning of the ids of its results), what it asks, and the function that answers."""

    id: str
    asks: str
    look: Callable[[Station], Result | list[Result]]


CHECKS = (
    Check("config.valid", "can the settings be used?", config.config_valid),
    Check("profile.exists", "is every sensor's model known?", config.profile_exists),
    Check("serial.exists", "is every port there?", serial.serial_exists),
    Check("serial.access", "may the agent open ports?", serial.serial_access),
    Check("serial.console", "is a port the login console?", serial.serial_console),
    Check("serial.busy", "does another program read our ports?", serial.serial_busy),
    Check("serial.by-id", "do the ports' names stay?", serial.serial_by_id),
    Check("serial.latency", "does an adapter hold bytes back?", serial.serial_latency),
    Check("uart.overlay", "has Bluetooth the good UART?", serial.uart_overlay),
    Check("sensor", "does every sensor speak soundly?", sensor.sensors),
    Check("clock.sync", "has NTP set the clock?", machine.clock_sync),
    Check("clock.backwards", "is the clock in the past?", machine.clock_past),
    Check("clock.rtc", "does the board wake knowing the time?", machine.clock_rtc),
    Check("net.route", "is there a way out?", machine.route),
    Check("net.signal", "how strong is the radio?", machine.signal),
    Check("broker", "each step of the way to the broker", broker.broker),
    Check("broker.steady", "does the connection last?", broker.steady),
    Check("collector.ack", "are readings stored in the database?", delivery.collector_ack),
    Check("spool.integrity", "is the spool's file whole?", delivery.spool_integrity),
    Check("spool.space", "is there room for readings?", delivery.spool_space),
    Check("spool.age", "how long do readings wait?", delivery.spool_age),
    Check("disk.readonly", "can the disk be written?", delivery.disk_readonly),
    Check("disk.errors", "has the file system errors?", delivery.disk_errors),
    Check("power.undervolt", "is the supply strong enough?", machine.power),
    Check("temp", "is it too hot?", machine.temperature),
    Check("led", "may the agent set the status LED?", machine.led),
    Check("service", "does it start by itself, and stay up?", machine.service),
    Check("journal.volatile", "does the log wear the card?", machine.journal),
    Check("version", "is the installed version the running one?", machine.version),
)


def chosen(only: Iterable[str], leave_out: Iterable[str] = ()) -> list[Check]:
    """The checks that `only` and `leave_out` name, by id or by its beginning. Raises Failure for an unknown id."""
    for name in (*only, *leave_out):
        if not any(_means(name, check.id) for check in CHECKS):
            raise Failure(Exit.USAGE, "check-unknown", f"no check is called {name}", "lamppost agent doctor --list")
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
        return skip(check.id, f"{error.filename} may not be seen by you: sudo")
    except OSError as error:
        return fail(check.id, f"{error.filename}: {reason(error)}", "is the card failing? --only disk")
    except Exception as error:  # noqa: BLE001 - of a check that breaks, too
        file, line = place_of(error)
        return fail(check.id, f"the check itself breaks: {type(error).__name__} at {file}:{line}", "report it")


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
            results.append(warn(check.id, f"no answer within {DEADLINE_S:g} s", "look again; is the board very busy?"))
            continue
        found = _found(check, answer)
        results += found if isinstance(found, list) else [found]
    pool.shutdown(wait=False, cancel_futures=True)
    if only:
        results = [r for r in results if any(r.id == name or r.id.startswith(name + ".") for name in only)]
    return results, time.monotonic() - began_s
