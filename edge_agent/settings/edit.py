"""The settings file changed by a program as a careful person would: a few lines put in, every comment left alone.

The result is checked before it takes the old file's place, whole: written aside, synced, renamed.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from common.settings import load_settings
from common.strict_yaml import NotUsable, parse
from common.whole_file import write_whole
from edge_agent.settings.check import checked, checked_here, refused
from edge_agent.settings.config import SETTINGS_CURE, Config
from edge_agent.settings.config import Sensor as SensorConfig
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from device_profiles.catalogue import Catalogue
    from edge_agent.lines.port_probe import Finding

_PREFIX = {"air_quality": "air", "detection": "radar", "weather": "weather", "position": "gps"}


def add_sensors(file: Path, findings: Sequence[Finding], profiles: Path | None = None) -> list[str]:
    """Put what was found at the end of `sensors:`; returns the names given. A port that is there already stays,
    but for other addresses on it: what shares a line names its port alike.

    `profiles` is the folder of own models among which it was searched: the settings name it from then on.
    Raises Failure when the file is not usable before or after.
    """
    from device_profiles.catalogue import load

    settings = load_settings(Config, file, SETTINGS_CURE)
    catalogue = load(profiles or settings.profiles)
    known = {os.path.realpath(sensor.port): sensor.port for sensor in settings.sensors}
    addresses = {(sensor.port, _address(catalogue, sensor)) for sensor in settings.sensors}
    names = {sensor.name for sensor in settings.sensors}
    lines: list[str] = []
    added = []
    for finding in findings:
        port = known.get(os.path.realpath(finding.path))
        is_there = port is not None and (finding.address is None or (port, finding.address) in addresses)
        if finding.sensor is None or is_there:
            continue
        name = sensor_name(catalogue, finding.sensor.profile, names)
        names.add(name)
        added.append(name)
        options = finding.options(catalogue.get(finding.sensor.profile))
        lines += ["", *sensor_lines(name, finding.sensor.profile, port or finding.path, options)]
    if added:
        text = with_lines(file.read_text(encoding="utf-8"), "sensors", lines)
        if profiles is not None and settings.profiles is None:
            text += f"\n# Sensor models of our own.\nprofiles: {json.dumps(os.path.abspath(profiles))}\n"
        replace_checked(file, text)
    return added


def _address(catalogue: Catalogue, sensor: SensorConfig) -> object:
    """At which it is asked on its line; None for one that has a line of its own."""
    try:
        return catalogue.get(sensor.profile).with_options(sensor.options).settings.get("address")
    except (KeyError, ValueError):  # which the check tells
        return None


def sensor_name(catalogue: Catalogue, profile: str, taken: Iterable[str]) -> str:
    """The next free name for a sensor of that model: air-1, air-2, radar-1."""
    try:
        kind = catalogue.get(profile).kind
    except KeyError:
        kind = "sensor"
    prefix = _PREFIX.get(kind, "sensor")
    taken = set(taken)
    return next(name for number in range(1, 100) if (name := f"{prefix}-{number}") not in taken)


def sensor_lines(name: str, profile: str, port: str, options: Mapping[str, object]) -> list[str]:
    """One entry of `sensors:` as the sample writes it."""
    told = ", ".join(f"{key}: {value}" for key, value in options.items())
    return [
        f"  - name: {name}",
        f"    profile: {profile}",
        f"    port: {port}",
        *([f"    options: {{{told}}}"] if told else []),
    ]


def with_lines(text: str, key: str, lines: list[str]) -> str:
    """`text` with `lines` put at the end of the block under a top-level `key`, or with the block at the end."""
    document = parse(text)
    existing = text.rstrip("\n").split("\n")
    start = document.lines.get((key,))
    if start is None:
        return "\n".join([*existing, "", f"{key}:", *(line for line in lines if line), ""])
    later = [line for where, line in document.lines.items() if len(where) == 1 and line > start]
    end = min(later) - 1 if later else len(existing)
    while end > start and (not existing[end - 1].strip() or existing[end - 1].startswith("#")):
        end -= 1  # what stands above the next key speaks of that key
    return "\n".join([*existing[:end], *lines, *existing[end:], ""])


def may_be_written(file: Path, before: str, after: Config) -> None:
    """Raises Failure for a link, and for a spool that would be left behind with what waits in it.

    A link is not followed: the folder is the agent's, and root would write wherever a link of the agent's leads. With a
    file in its place the one it leads to, which counts after a restart, would stay as it was.
    """
    if file.is_symlink():
        aim = file.resolve()
        raise Failure(Exit.CONFIGURATION, "config-link", f"{file} is a link to {aim}", f"the same with --config {aim}")
    try:
        left = checked(before, str(file)).spool.path
    except (NotUsable, Failure, OSError):  # what cannot be used has no spool that waits for it
        return
    if left != after.spool.path and (waiting := _waiting_in(left)):
        text = f"{waiting} in {left}, and nobody would send what is left there"
        cure = f"stop the agent, move {left} (and its -wal) to {after.spool.path}, then once more"
        raise Failure(Exit.CONFIGURATION, "readings-wait", text, cure)


def _waiting_in(spool: Path) -> str | None:
    """How many readings, in words; None where there is no spool, none waits, or none that this user may read."""
    from edge_agent.spool.file import SpoolError
    from edge_agent.spool.view import View

    waiting = 0
    try:
        with closing(View(spool)) as view:
            waiting = view.survey().waiting_rows
    except (SpoolError, sqlite3.Error, OSError) as error:
        if sqlite3.DatabaseError in (type(error), type(error.__cause__)):  # no other error is of damage alone
            return "readings may wait, which the next agent saves from damage,"
    return f"{waiting} reading{'s' * (waiting > 1)} wait{'s' * (waiting == 1)}" if waiting else None


def replace_checked(file: Path, text: str) -> None:
    """Write `text` in place of `file` when it is a settings file that can be used; owner and mode stay.

    Raises Failure with line, key and cure when it is not; then nothing has changed.
    """
    try:
        config = checked_here(text, str(file))
    except NotUsable as error:
        raise refused(error, "nothing was written") from error
    may_be_written(file, file.read_text("utf-8", "replace") if file.exists() else "", config)
    write_whole(file, text.encode())
