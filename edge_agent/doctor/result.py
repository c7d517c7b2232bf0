"""What a check says, and what it is given to look at."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wire.both import Both, same
from wire.exits import Failure

if TYPE_CHECKING:
    from device_profiles.profile import Profile
    from edge_agent.settings.config import Config

NO_CURE = same("")
FRESH_S = 15.0  # an agent that has written nothing for so long is not running


class State(StrEnum):
    """How it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the report. `cure` is a command or a thing to do; every failure and warning has one."""

    id: str
    state: State
    text: Both
    cure: Both = NO_CURE

    def as_json(self) -> dict[str, str]:
        """For programs, whatever language is spoken here; with the Chinese for the office's people."""
        said = {"id": self.id, "state": self.state.value.lower(), "text": self.text, "cure": self.cure}
        return said | {"text_zh": self.text.zh, "cure_zh": self.cure.zh}


def ok(check: str, text: Both) -> Result:
    """All is well."""
    return Result(check, State.OK, text)


def warn(check: str, text: Both, cure: Both) -> Result:
    """It works, and will not for ever."""
    return Result(check, State.WARN, text, cure)


def fail(check: str, text: Both, cure: Both) -> Result:
    """It does not work."""
    return Result(check, State.FAIL, text, cure)


def skip(check: str, text: Both) -> Result:
    """It cannot be looked at, and why."""
    return Result(check, State.SKIP, text)


def needs(check: str) -> Both:
    """Why one is skipped: another that it rests on."""
    return Both(f"needs {check}", f"需先通过 {check}")


class Station:
    """What the checks look at: the settings file, what the agent last said, the machine below `root`."""

    def __init__(self, config_file: Path, root: Path = Path("/"), listen_s: float = 4.0) -> None:
        self.config_file = config_file
        self.root = root
        self.listen_s = listen_s

    @cached_property
    def settings(self) -> Config | None:
        """The settings; None when they cannot be used, which `config.valid` tells."""
        from common.settings import load_settings
        from edge_agent.settings.config import Config

        try:
            return load_settings(Config, self.config_file, "lamppost agent setup")
        except Failure:
            return None

    @cached_property
    def profiles(self) -> dict[str, Profile | None]:
        """The profile of each sensor, with its options; None for one that is not known."""
        from common.strict_yaml import NotUsable
        from device_profiles.catalogue import load

        if self.settings is None:
            return {}
        catalogue = load(self.settings.profiles)
        found: dict[str, Profile | None] = {}
        for sensor in self.settings.sensors:
            try:
                found[sensor.name] = catalogue.get(sensor.profile).with_options(sensor.options)
            except (KeyError, ValueError, NotUsable):
                found[sensor.name] = None
        return found

    @cached_property
    def said(self) -> dict[str, Any] | None:
        """What a running agent last said of itself; None when none runs."""
        if self.settings is None:
            return None
        try:
            said: dict[str, Any] = json.loads(self.settings.status_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        fresh = abs(time.time() - said.get("at_ms", 0) / 1000) < FRESH_S
        return said if fresh and said.get("node") == self.settings.node else None

    def text(self, path: str) -> str:
        """A small file of the machine, empty when it is not there."""
        try:
            return (self.root / path.lstrip("/")).read_text(errors="replace").strip("\0 \n")
        except OSError:
            return ""
