"""Settings that can really be used: the keys, each sensor's profile, mode and options, and the files that are named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from common.strict_model import fit
from common.strict_yaml import Document, NotUsable, Problem, Where, parse, path_text
from edge_agent.settings.config import SETTINGS_CURE, Config
from measures.completeness import GB_HOUR
from measures.index import INDEXED
from wire.exits import CORRECT_LINES, Exit, Failure

if TYPE_CHECKING:
    from edge_agent.sensors.sensor import Sensor

_SAID_OF = {"options": "option", "mode": "mode"}
_OF_TRAFFIC = {"interval_s", "lane", "directions", "one_way", "angle_deg"}


def checked(text: str, file: str) -> Config:
    """Settings from `text`. Raises NotUsable with file, line and nearest word; Failure or OSError for own profiles."""
    document = parse(text, file)
    config = fit(Config, document)
    problems = list(_sensor_problems(document, config))
    if problems:
        raise NotUsable(problems)
    return config


def checked_here(text: str, file: str) -> Config:
    """The same for this machine: the files named are there. One that only this user may not read passes.

    A sensor that would be heard, and of which nothing is measured, is refused here: an agent that runs with it goes on.
    """
    config = checked(text, file)
    document = parse(text, file)
    if mute := list(mute_sensors(document, config)):
        raise NotUsable(mute)
    found = [(where, failure) for where, failure in unusable_files(config) if failure.code is not Exit.NOT_PERMITTED]
    if found:
        raise NotUsable([document.problem(where, _without(where, failure)) for where, failure in found])
    return config


def _without(where: Where, failure: Failure) -> str:
    """What is wrong and its cure; where it stands is told before it."""
    return f"{str(failure).removeprefix(path_text(where) + ' ')}; {failure.cure}"


def checked_file(file: Path, check: Callable[[str, str], Config] = checked) -> Config:
    """The same from a file. Raises Failure, exit code 3, with every complaint."""
    from common.settings import load_settings

    load_settings(Config, file, SETTINGS_CURE)  # missing, unreadable: said as everywhere
    try:
        return check(file.read_text(encoding="utf-8"), str(file))
    except NotUsable as error:
        raise refused(error) from error


def refused(error: NotUsable, cure: str = CORRECT_LINES) -> Failure:
    """What a command ends with when settings cannot be used."""
    return Failure(Exit.CONFIGURATION, "config-invalid", str(error), cure)


def unusable_files(config: Config) -> Iterator[tuple[Where, Failure]]:
    """What the settings name and this process could not use, by its key: secrets, certificates, keys, spool, ports."""
    for where, look in _FILES.items():
        try:
            look(config)
        except Failure as failure:
            yield where, failure
    for number, owner in renamed_ports(config).items():
        port = config.sensors[number].port
        text = f"{port} is {os.path.realpath(port)}, as is the port of {owner}"
        cure = "lamppost agent ports; sensors that share a line name it alike"
        yield ("sensors", number, "port"), Failure(Exit.CONFIGURATION, "port-shared", text, cure)


def renamed_ports(config: Config) -> dict[int, str]:
    """Sensors, by number, whose port leads to the device of one before them under another name, and that one's name."""
    devices = [os.path.realpath(sensor.port) for sensor in config.sensors]
    firsts = [config.sensors[devices.index(device)] for device in devices]
    return {number: first.name for number, first in enumerate(firsts) if first.port != config.sensors[number].port}


def doubtful(text: str, file: str) -> Iterator[Problem]:
    """What can be used of `checked` text and is hardly meant: keys of traffic at a sensor that counts none, which
    change nothing, and pollutants that are told too seldom for an index."""
    from device_profiles.catalogue import load
    from edge_agent.sensors.presence import Presence
    from edge_agent.settings.sensor import sensor_of

    document = parse(text, file)
    config = fit(Config, document)
    catalogue = load(config.profiles)
    for number, wants in enumerate(config.sensors):
        counter = sensor_of(catalogue, wants).traffic
        idle = _OF_TRAFFIC if counter is None else {"angle_deg"} if isinstance(counter, Presence) else set[str]()
        why = "counts no vehicles" if counter is None else "looks straight at what passes"
        for key in sorted(idle & wants.model_fields_set):
            yield document.problem(("sensors", number, key), f"changes nothing: {wants.profile} {why}. Leave it out")
        profile = catalogue.get(wants.profile)
        minutes = profile.modes[wants.mode or profile.mode].minutes_an_hour(profile.warm_up_s, wants.period_s)
        told = {field.quantity for message in profile.messages for field in message.fields}
        if minutes < GB_HOUR.required and told & INDEXED:
            key = "mode" if wants.period_s is None else "period_s"
            text = f"tells in {minutes:.0f} minutes of an hour, and no index is made: that takes {GB_HOUR.required}"
            yield document.problem(("sensors", number, key), text)


def _secret(config: Config) -> None:
    from common.settings import secret

    secret(config.broker.password_file)


def _tls(config: Config) -> None:
    from common.settings import tls_files

    files = tls_files(config.broker)
    if files is not None:
        files.check()


def _identity(config: Config) -> None:
    if config.identity is None:
        return
    from edge_agent.identity.identity import Identity

    identity = Identity(config.identity)
    enrolled = identity.office().node
    if enrolled != config.node:
        text = f"{config.identity} is the identity of {enrolled}, not of {config.node}"
        cure = f"sudo lamppost agent setup --anew, with a token for {config.node}"
        raise Failure(Exit.CONFIGURATION, "identity-of-another", text, cure)
    identity.tls.check()


def _profiles(config: Config) -> None:
    if config.profiles is not None and not config.profiles.is_dir():
        cure = "make it, or leave this line out"
        raise Failure(Exit.CONFIGURATION, "profiles-missing", f"{config.profiles} is no folder", cure)


def _spool(config: Config) -> None:
    from edge_agent.spool import place as spool_place

    spool_place.check(config.spool.path, config.spool.allow_tmpfs)


_FILES: dict[Where, Callable[[Config], None]] = {
    ("broker", "password_file"): _secret,
    ("broker", "tls"): _tls,
    ("identity",): _identity,
    ("profiles",): _profiles,
    ("spool", "path"): _spool,
}


def mute_sensors(document: Document, config: Config) -> Iterator[Problem]:
    """Those whose options name what another mode reads."""
    from device_profiles.catalogue import load

    catalogue = load(config.profiles)
    for number, sensor in enumerate(config.sensors):
        profile = catalogue.get(sensor.profile).with_options(sensor.options)
        mode = sensor.mode or profile.mode
        others = [other for other in profile.modes if profile.measures(other)]
        if mode not in others and others:
            text = f"mode {mode} reads nothing of what these options name; {' or '.join(others)} does"
            where = ("sensors", number, "mode") if sensor.mode else ("sensors", number, "options")
            yield document.problem(where, text)


def _sensor_problems(document: Document, config: Config) -> Iterator[Problem]:
    from device_profiles.catalogue import UnknownProfile, load
    from edge_agent.settings.sensor import sensor_of

    catalogue = load(config.profiles)
    made: dict[int, Sensor] = {}
    for number, sensor in enumerate(config.sensors):
        where = ("sensors", number)
        try:
            made[number] = sensor_of(catalogue, sensor)
        except UnknownProfile as error:
            yield document.problem((*where, "profile"), str(error.args[0]))
        except ValueError as error:
            key = next((key for key, word in _SAID_OF.items() if f": {word} " in str(error)), None)
            more = f"{error}; see: lamppost profiles show {sensor.profile}"
            yield document.problem((*where, key) if key else where, more)
    yield from _bus_problems(document, config, made)


def _bus_problems(document: Document, config: Config, made: Mapping[int, Sensor]) -> Iterator[Problem]:
    """Sensors on one port that cannot share it."""
    from edge_agent.sensors.bus import why_apart

    for numbers in config.lines().values():
        line = [(number, made[number]) for number in numbers if number in made]
        for at, (number, sensor) in enumerate(line):
            reasons = (why_apart(other, sensor) for _, other in line[:at])
            if (why := next((why for why in reasons if why is not None), None)) is not None:
                text = f"is the port of {line[0][1].name} and cannot be shared: {why}"
                yield document.problem(("sensors", number, "port"), text)
