"""Settings sent by the office: checked, taken on trial, kept when readings go on, else put back by the agent itself.

    agent.yaml           the settings in force: the one file, for a person on the ladder as for the office
    agent.yaml.before    what was in force, while new settings are on trial
    agent.yaml.trial     which version is on trial, and how often the agent has begun with it

A trial is passed when every sensor that was heard before, and is still configured, has been heard again, and a broker
that was connected is connected and has confirmed a batch. It fails after `TRIAL_S`, at the third start, or at once when
the file cannot be used. A power cut in the middle changes nothing: the files are there at the next start.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from common.strict_yaml import NotUsable, parse
from common.whole_file import write_whole
from edge_agent.settings.check import checked, mute_sensors, unusable_files
from edge_agent.settings.config import Config
from wire.exits import Failure, reason

TRIAL_S = 100.0
STARTS_MAX = 2
TEXT_MAX = 128 * 1024


class Refused(ValueError):
    """The settings will not be taken; nothing has changed. The text names file, line and reason."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is on trial: its version and digest, what was well before, how often the agent began with it."""

    version: int
    heard: list[str] = field(default_factory=list)
    connected: bool = False
    starts: int = 0
    digest: str | None = None  # an agent of before did not say


@dataclass(frozen=True, slots=True)
class Health:
    """How it is now: sensors heard since the start, whether connected, whether a batch was confirmed since."""

    heard: frozenset[str]
    connected: bool
    confirmed: bool


class RemoteConfig:
    """The settings file in the hands of the office. Holds no clock: it is told how long the agent has run."""

    def __init__(self, file: Path) -> None:
        file = file.resolve()  # a link stays one: what it leads to counts, also after a restart
        self.file = file
        self._before = file.with_name(file.name + ".before")
        self._trial = file.with_name(file.name + ".trial")
        self._outcome = file.with_name(file.name + ".outcome")

    # -- at the start of the agent ---------------------------------------------------------------------------------

    def begin(self) -> Trial | None:
        """Call before the settings are read. Puts the old ones back when these cannot be used, or their starts counted.

        Others than were sent are on no trial: the power went before they were in place, or a person put them there.
        """
        trial = self.trial()
        if trial is None:
            return None
        trial = replace(trial, starts=trial.starts + 1)
        if trial.starts > STARTS_MAX:
            self.put_back(f"the agent began {trial.starts} times with it")
            return None
        try:
            check_file(self.file)
        except Refused as error:
            self.put_back(str(error))
            return None
        if trial.digest not in (None, digest(self.file.read_bytes())):
            self._end("rolled back", trial.version, "other settings are in force")
            return None
        try:
            write_whole(self._trial, json.dumps(asdict(trial)).encode())
        except OSError as error:
            self.put_back(reason(error))
            return None
        return trial

    def judge(self, trial: Trial, config: Config, health: Health, up_s: float) -> str | None:
        """`kept` when the trial is passed, why not when it has failed, None while it goes on."""
        names = {sensor.name for sensor in config.sensors}
        missing = sorted((set(trial.heard) & names) - health.heard)
        lacks = [f"{name} is silent" for name in missing]
        if trial.connected and not health.connected:
            lacks.append("the broker is not reached")
        elif trial.connected and not health.confirmed:
            lacks.append("nothing was confirmed")
        if not lacks:
            self._end("kept", trial.version, "")
            self._before.unlink(missing_ok=True)
            return "kept"
        return ", ".join(lacks) if up_s > TRIAL_S else None

    def put_back(self, reason: str) -> None:
        """The old settings in force again, and why."""
        trial = self.trial()
        if self._before.exists():
            self._before.replace(self.file)
        self._end("rolled back", trial.version if trial is not None else 0, reason)

    # -- what the office asks ---------------------------------------------------------------------------------------

    def show(self) -> dict[str, Any]:
        """The settings in force, their digest, and what became of the last that were sent."""
        text = self._text()
        trial = self.trial()
        state = {"state": "on trial", "version": trial.version} if trial is not None else self.outcome()
        return {"text": text, "digest": digest(text), **state}

    def take(
        self, text: str, version: int, base: str | None, now: Config | None, health: Health, running: str | None = None
    ) -> None:
        """Put new settings on trial. Raises Refused; the caller then begins anew with them.

        Where the file was broken by hand, what would be put back is what the agent is `running` with: it could not
        begin again with that file.
        """
        before = self._text()
        if self.trial() is not None:
            raise Refused("other settings are on trial; ask again in two minutes")
        if base is not None and base != digest(before):
            raise Refused("the settings on the device are others than those you changed; show them again first")
        check(text, now)
        if running is not None and not _usable(before):
            before = running
        try:
            write_whole(self._before, before.encode(), like=self.file)
            trial = Trial(version, sorted(health.heard), health.connected, digest=digest(text.encode()))
            write_whole(self._trial, json.dumps(asdict(trial)).encode())
            write_whole(self.file, text.encode())
        except OSError as error:
            self._trial.unlink(missing_ok=True)
            raise Refused(f"{error.filename}: {error.strerror}; is the folder the agent's?") from error

    def trial(self) -> Trial | None:
        """What is on trial now."""
        try:
            return Trial(**json.loads(self._trial.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def outcome(self) -> dict[str, Any]:
        """What became of the last settings that the office sent."""
        try:
            said: dict[str, Any] = json.loads(self._outcome.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {"state": "local", "version": 0}
        return said

    def outcome_at_s(self) -> float:
        """When that was, by the board's clock; 0 for never."""
        try:
            return self._outcome.stat().st_mtime
        except OSError:
            return 0.0

    def _text(self) -> str:
        """The file as far as it can be read; nothing where there is none."""
        try:
            return self.file.read_text("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _end(self, state: str, version: int, reason: str) -> None:
        """Also on a full disk, which takes no word of it: an agent that ended here would end at each start."""
        try:
            write_whole(self._outcome, json.dumps({"state": state, "version": version, "reason": reason}).encode())
        except OSError:
            self._outcome.unlink(missing_ok=True)  # it is of earlier settings
        self._trial.unlink(missing_ok=True)


def check_file(file: Path) -> None:
    """The settings as they stand in a file. Raises Refused, also for a file that cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(f"{file}: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise Refused(f"{file}: not UTF-8; save it as UTF-8") from error
    check(text, None)


def check(text: str, now: Config | None) -> Config:
    """Settings from `text`. Raises Refused with line and reason; with `now`, also for what may not change from afar."""
    if len(text.encode()) > TEXT_MAX:
        raise Refused(f"more than {TEXT_MAX} bytes")
    try:
        config = checked(text, "agent.yaml")
    except NotUsable as error:
        raise Refused(str(error)) from error
    except (Failure, OSError) as error:
        raise Refused(f"agent.yaml: {error}") from error
    for where, failure in unusable_files(config):  # the agent itself asks: what it may not read it cannot use
        raise Refused(str(parse(text, "agent.yaml").problem(where, f"{failure}; {failure.cure}")))
    for mute in mute_sensors(parse(text, "agent.yaml"), config) if now is not None else ():
        raise Refused(str(mute))
    for what in ("node", "identity", "spool", "status_file") if now is not None else ():
        if getattr(config, what) != getattr(now, what):
            place = parse(text, "agent.yaml").problem(
                (what,), "may not be changed from afar: readings or the way back could be lost"
            )
            raise Refused(str(place))
    return config


def _usable(text: str) -> bool:
    try:
        check(text, None)
    except Refused:
        return False
    return True


def digest(text: str | bytes) -> str:
    """A name for a text: the first 16 bytes of SHA-256 in hex."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).digest()[:16].hex()
