"""What the office may ask of an agent that takes its time: doctor, identify, settings. Done beside the recording.

The doctor runs as a program of its own: the very command a technician types, with its own memory, beside the agent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.device.identify import blink, current_trigger, find_led
from edge_agent.office.remote_config import Refused, RemoteConfig, Trial, check, check_file, digest
from edge_agent.office.requests import Errand

if TYPE_CHECKING:
    from edge_agent.agent import Agent

log = logging.getLogger("lamppost.agent")

NOTE_S = 86_400.0
DOCTOR_S = 20.0
FRAME_MAX = 128
ANSWER_MAX = 64 * 1024
SETTLE_S = 1.0
JUDGE_EVERY_S = 1.0


class Errands:
    """The verbs of one agent whose settings stand in `file`."""

    def __init__(self, agent: Agent, file: Path) -> None:
        self.begin_anew = False
        self.config = RemoteConfig(file)
        self._text = file.read_text(encoding="utf-8") if file.exists() else ""
        self.settings = digest(self._text)
        self._not_taken_up: str | None = None
        self.trial: Trial | None = self.config.trial()
        self._agent = agent
        self._file = file
        self._began_s = time.monotonic()
        self._stop: asyncio.Event | None = None
        self._ended = threading.Event()

    def verbs(self) -> dict[str, Errand]:
        """By the names the office uses."""
        return {"doctor": self._doctor, "identify": self._identify, "frames": self._frames, "config": self._config}

    def note(self) -> str | None:
        """That the file cannot be used, so that a restart would find none; else for a day that the office's last
        settings were put back, and why. What a person here tried they know.
        """
        if self._not_taken_up is not None:
            return f"the settings are not taken up: {self._not_taken_up}"
        outcome, at_s = self.config.outcome(), self.config.outcome_at_s()
        if outcome["state"] != "rolled back" or outcome["version"] == 0 or time.time() - at_s > NOTE_S:
            return None
        return f"the settings of version {outcome['version']} were put back: {outcome['reason']}"

    def may_stop(self, stop: asyncio.Event) -> None:
        """How to end this agent so that it begins anew."""
        self._stop = stop

    def end(self) -> None:
        """The agent ends: an LED that blinks does again what it did."""
        self._ended.set()

    def read_settings_again(self) -> None:
        """A person on the device has changed the file: begin anew with it, unless it cannot be used."""
        try:
            check_file(self._file)
        except Refused as error:
            log.error("the settings are not taken up: %s", error)
            if self.trial is None and self.config.trial() is not None:
                self.config.put_back(str(error))  # who began that trial waits for its end
            else:
                self._not_taken_up = str(error)
            return
        self.begin_anew = True
        if self._stop is not None:
            self._stop.set()

    async def judge(self, stop: asyncio.Event) -> None:
        """While new settings are on trial: keep them, or put the old ones back and begin anew."""
        verdict = None
        while self.trial is not None and verdict is None:
            await asyncio.sleep(JUDGE_EVERY_S)
            up_s = time.monotonic() - self._began_s
            verdict = self.config.judge(self.trial, self._agent.config, self._agent.health(), up_s)
            if verdict == "kept":
                log.info("the settings of version %d are kept", self.trial.version)
            elif verdict is not None:
                log.error("the settings of version %d are put back: %s", self.trial.version, verdict)
                self.config.put_back(verdict)
                self.begin_anew = True
                stop.set()
        self.trial = None
        await asyncio.Event().wait()  # the agent takes the end of a task for a failure

    async def _doctor(self, asked: dict[str, Any]) -> dict[str, Any]:
        only = asked.get("only", [])
        if not isinstance(only, list) or not all(isinstance(name, str) for name in only) or len(only) > 30:
            raise ValueError("only is a list of ids of checks")
        command = [sys.executable, "-m", "lamppost", "agent", "doctor", "--json", "--config", str(self._file)]
        for name in only:
            command += ["--only", name]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(DOCTOR_S):
                out, errors = await process.communicate()
        except TimeoutError:
            raise ValueError(f"the doctor has not come back within {DOCTOR_S:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            report = json.loads(out[:ANSWER_MAX])
        except ValueError:
            raise ValueError(f"the doctor failed: {errors.decode(errors='replace').strip()[-300:]}") from None
        if "results" not in report:
            raise ValueError(str(report.get("message", "the doctor failed")))
        return {"ok": True, "took_s": report["took_s"], "results": report["results"]}

    async def _identify(self, asked: dict[str, Any]) -> dict[str, Any]:
        seconds = asked.get("seconds", 30)
        if type(seconds) not in (int, float) or not 1 <= seconds <= 600:
            raise ValueError("seconds is 1 to 600")
        wants = self._agent.config.led
        led = find_led(wanted=wants.name if wants is not None else None)
        if led is None:
            raise ValueError("this board has no LED that can be set")
        try:
            (led / "trigger").write_text(current_trigger(led))
        except OSError as error:
            raise ValueError(f"the agent may not set the LED: {error.strerror}") from error
        asyncio.get_running_loop().run_in_executor(None, blink, led, float(seconds), self._ended.wait)
        return {"ok": True, "led": led.name, "seconds": seconds}

    async def _frames(self, _: dict[str, Any]) -> dict[str, Any]:
        """The newest frame of each sensor as it came, its fields parted, and the newest damaged one."""
        from edge_agent.screens.watching import frame_text

        sensors = []
        for sensor in self._agent.sensors:
            said: dict[str, Any] = {"name": sensor.name, "profile": sensor.profile.ref, "frames": sensor.frames}
            if sensor.last_frame is not None:
                at_ms, data, decoded = sensor.last_frame
                text = frame_text(sensor.profile, decoded.message, data[:FRAME_MAX])
                said |= {"at_ms": at_ms, "frame": text, "values": decoded.rows[:4], "flags": decoded.flags}
            if sensor.last_bad is not None:
                at_ms, bad = sensor.last_bad
                said |= {"bad_at_ms": at_ms, "bad": bad.data[:FRAME_MAX].hex(" "), "reason": bad.reason}
            sensors.append(said)
        return {"ok": True, "sensors": sensors}

    async def _config(self, asked: dict[str, Any]) -> dict[str, Any]:
        what, text = asked.get("do"), asked.get("text")
        if what == "show":
            return {"ok": True, **self.config.show()}
        if what not in ("check", "apply") or not isinstance(text, str):
            raise ValueError("do is show, check or apply; the last two want text")
        try:
            if what == "check":
                check(text, self._agent.config)
                return {"ok": True}
            version, base = asked.get("version"), asked.get("base")
            if type(version) is not int or version < 1 or not (base is None or isinstance(base, str)):
                raise ValueError("apply wants a version from 1 on, and as base the digest of what was changed")
            self.config.take(text, version, base, self._agent.config, self._agent.health(), self._text)
        except Refused as error:
            raise ValueError(str(error)) from error
        log.info("settings of version %d from the office: on trial", version)
        self.begin_anew = True
        asyncio.get_running_loop().call_later(SETTLE_S, self._stop.set if self._stop is not None else lambda: None)
        return {"ok": True, "state": "on trial", "version": version}
