"""A change of the settings file: planned, checked, shown, written with the version before kept, and taken up.

agent.yaml        the settings in force
agent.yaml.old    what stood there before the last change made here; `lamppost agent config undo` brings it back
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from common.setting_path import NoSuchSetting, where_in
from common.strict_yaml import NotUsable, Where, parse
from common.whole_file import write_whole
from common.yaml_splice import readings_of, with_value, without
from edge_agent.device import running
from edge_agent.office.remote_config import Health, Refused, RemoteConfig, digest
from edge_agent.settings.check import checked, checked_here, refused
from edge_agent.settings.config import SETTINGS_CURE, Config
from edge_agent.settings.edit import may_be_written
from wire.exits import WITH_SUDO, Exit, Failure

TAKEN_UP_S = 30.0
TRIAL_END_S = 150.0


@dataclass(frozen=True, slots=True)
class Change:
    """What a file holds and what it will hold; both were checked, the first only where it can be used."""

    file: Path
    before: str
    after: str
    config: Config

    def shown(self) -> str:
        """The lines that change, with one around them."""
        return "".join(difference(self.before, self.after, str(self.file), f"{self.file} (new)"))


def difference(before: str, after: str, one: str, other: str) -> Iterable[str]:
    """Two texts line by line, as `diff -U1` has them."""
    return difflib.unified_diff(_lines(before), _lines(after), one, other, n=1)


def set_values(file: Path, wanted: Iterable[tuple[str, str]]) -> Change:
    """Settings by path put to values as a person types them. Raises Failure with line and nearest word."""
    before = read(file)
    after = before
    for path, typed in wanted:
        where = _where(file, after, path)
        after = _with_typed(str(file), after, where, typed)
    return planned(file, before, after)


def unset(file: Path, paths: Iterable[str]) -> Change:
    """Settings taken out, so that their defaults count; an item of a list taken away."""
    before = read(file)
    after = before
    for path in paths:
        try:
            after = without(after, _where(file, after, path))
        except KeyError:
            text = f"{file}: {path} is not set there: its default counts already"
            raise Failure(Exit.CONFIGURATION, "setting-unset", text, f"lamppost agent config get {path}") from None
    return planned(file, before, after)


def planned(file: Path, before: str, after: str) -> Change:
    """A change to a whole new text. Raises Failure when it could not be used; nothing is written yet."""
    try:
        return Change(file, before, after, checked_here(after, str(file)))
    except NotUsable as error:
        raise refused(error, "nothing was written; lamppost agent config sample explains every key") from error


def write(change: Change) -> None:
    """The new text in place, whole, the old one beside it. Raises OSError, Failure for what may not be written."""
    may_be_written(change.file, change.before, change.config)
    write_whole(old(change.file), change.before.encode(), like=change.file)
    write_whole(change.file, change.after.encode())


def put_on_trial(change: Change, agent: running.Running) -> None:
    """The same for settings that the agent puts back by itself when readings stop."""
    may_be_written(change.file, change.before, change.config)
    try:
        checked(change.before, str(change.file))
    except NotUsable as error:
        text = f"{change.file} cannot be used as it stands, and could not be put back"
        raise Failure(Exit.CONFIGURATION, "no-way-back", text, "leave out --try") from error
    write_whole(old(change.file), change.before.encode(), like=change.file)
    health = Health(agent.heard, agent.connected, True)
    try:
        RemoteConfig(change.file).take(change.after, 0, digest(change.before), None, health)
    except Refused as error:
        raise Failure(Exit.NOT_PERMITTED, "config-not-written", str(error), WITH_SUDO) from error


def trial_end(file: Path) -> str | None:
    """Wait for the end of a trial: "" when the settings are kept, why not when they were put back, None in neither."""
    keeper = RemoteConfig(file)
    until_s = time.monotonic() + TRIAL_END_S
    while keeper.trial() is not None:
        if time.monotonic() > until_s:
            return None
        time.sleep(running.LOOK_S)
    outcome = keeper.outcome()
    return "" if outcome["state"] == "kept" else str(outcome.get("reason", outcome["state"]))


def agent_beside(change: Change) -> running.Running | None:
    """The agent that runs with the settings as they were."""
    try:
        before = checked(change.before, str(change.file))
    except NotUsable:  # broken by hand: the agent goes on with what it had, and says so where it will say it again
        before = change.config
    return running.find(before.status_file)


def old(file: Path) -> Path:
    """Where the version before the last change is kept."""
    return file.with_name(file.name + ".old")


def read(file: Path) -> str:
    """The text of a settings file. Raises Failure."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Failure(Exit.CONFIGURATION, "config-missing", f"{file} does not exist", SETTINGS_CURE) from error
    except OSError as error:
        text = f"{file}: {error.strerror}"
        raise Failure(Exit.NOT_PERMITTED, "config-unreadable", text, WITH_SUDO) from error
    except UnicodeDecodeError as error:
        text, cure = f"{file}: not UTF-8", f"save it as UTF-8: iconv -f GBK -t UTF-8 {file}"
        raise Failure(Exit.CONFIGURATION, "config-invalid", text, cure) from error


def _where(file: Path, text: str, path: str) -> Where:
    try:
        return where_in(parse(text, str(file)).data, path)
    except NotUsable as error:
        raise refused(error) from error
    except NoSuchSetting as error:
        raise Failure(Exit.CONFIGURATION, "setting-unknown", str(error), "lamppost agent config get") from error


def _with_typed(file: str, text: str, where: Where, typed: str) -> str:
    """`lane=2` is a word where a word is wanted, and `seal_s=2` a number: the reading that can be used is taken."""
    first = None
    for value in readings_of(typed):
        candidate = with_value(text, where, value)
        try:
            checked(candidate, file)
        except NotUsable as error:
            at_fault = any(problem.where.startswith(str(where[0])) for problem in error.problems)
            first = first or candidate
            if not at_fault:
                return candidate  # what is wrong lies elsewhere, and may be put right by the next of several
            continue
        return candidate
    assert first is not None
    return first


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
