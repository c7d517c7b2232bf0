"""The agent's program: one agent after the other, a new one whenever the settings change or the spool turns out to be
damaged, until it is told to end.

SIGTERM and SIGINT end it. SIGHUP begins anew with the settings as they stand now, or ends it when the terminal is gone.
Heavy imports come after the signals are heard: on a small board they take seconds.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from common.notifier import Notifier
    from edge_agent.agent import Agent
    from edge_agent.settings.config import Config
    from edge_agent.spool.gap_records import Loss

log = logging.getLogger("lamppost.agent")


class Program:
    """Runs agents with the settings of one file. Signals are heard also between two agents."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at_terminal = sys.stdin.isatty()
        self._ending = False
        self._is_changed = False  # the settings, since they were read
        self._unwritten: list[Loss] = []  # what no disk took of the agent before
        self._end_agent: Callable[[], object] = _nothing
        self._read_settings_again: Callable[[], object] = _nothing

    def run(self) -> None:
        """Until a signal ends it. Raises Failure when an agent cannot begin."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._end())
        signal.signal(signal.SIGHUP, lambda *_: self._hang_up())
        while not self._ending and asyncio.run(self._run_one()):
            log.info("beginning anew")
        if self._unwritten:
            log.error("%d readings end with this agent: no disk took them", sum(loss.rows for loss in self._unwritten))

    def _end(self) -> None:
        self._ending = True
        self._end_agent()

    def _hang_up(self) -> None:
        if self._at_terminal and not sys.stdin.isatty():
            self._end()  # the terminal has gone, and with it whoever started this
        else:
            self._is_changed = True
            self._read_settings_again()

    async def _run_one(self) -> bool:
        """Run one agent; True when another is to follow with other settings."""
        from common.notifier import Notifier
        from edge_agent.unawaited import Unawaited

        self._is_changed = False
        agent = make_agent(settings_in_force(self._file), self._file, Notifier.from_environment())
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.set_default_executor(Unawaited())
        agent.errands.may_stop(stop)
        # From a signal's handler; the loop looks up once a second.
        self._end_agent = partial(loop.call_soon_threadsafe, stop.set)
        self._read_settings_again = partial(loop.call_soon_threadsafe, agent.errands.read_settings_again)
        if self._is_changed:  # while this one came to be
            agent.errands.read_settings_again()
        if not self._ending:
            agent.recorder.unwritten.hear_of(self._unwritten)
            await agent.run(stop)
            self._unwritten = agent.recorder.unwritten.losses()
        self._end_agent = self._read_settings_again = _nothing
        return agent.errands.begin_anew and not self._ending


def settings_in_force(file: Path) -> Config:
    """The settings, after those that the office sent and that cannot be used were put back. Raises Failure."""
    from edge_agent.office.remote_config import RemoteConfig
    from edge_agent.settings.check import checked_file

    RemoteConfig(file).begin()
    return checked_file(file)


def make_agent(settings: Config, file: Path, notifier: Notifier) -> Agent:
    """An agent that can keep its promise: its spool is on a disk and can be opened. Raises Failure."""
    from edge_agent.agent import Agent
    from edge_agent.spool import place as spool_place
    from edge_agent.spool.spool import SpoolError

    spool_place.check(settings.spool.path, settings.spool.allow_tmpfs)
    try:
        return Agent(settings, file, notifier)
    except SpoolError as error:
        raise Failure(Exit.NOT_PERMITTED, "spool-unusable", str(error)) from error


def _nothing() -> None:
    """What a signal does while there is no agent."""
