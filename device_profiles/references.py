"""Whether the names within a profile meet: each command, message, option and slot that is spoken of is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from common.strict_model import misplaced, word

if TYPE_CHECKING:
    from device_profiles.commands import Mode, Step
    from device_profiles.messages import Message, Scalar
    from device_profiles.profile import Example, Option, Profile


def names_meet(profile: Profile) -> None:
    """Raises what pydantic makes a complaint of, with its place, for the first name that leads nowhere."""
    if profile.evidence == "weak" and profile.experimental is None:
        raise misplaced("weak evidence wants a reason in the key experimental: {en: ..., zh: ...}", "evidence")
    if profile.mode not in profile.modes:
        raise misplaced("mode " + word(profile.mode, profile.modes), "mode")
    messages = {message.name for message in profile.messages}
    for name in profile.commands:
        _command(profile, name, messages)
    for name, mode in profile.modes.items():
        for step in _steps(mode):
            _step(profile, step, "modes", name)
    if profile.probe.ask is not None:
        _step(profile, profile.probe.ask, "probe", "ask")
    for name, choice in profile.options.items():
        allowed(f"option {name}: default", choice.default, choice)
    for number, shape in enumerate(profile.frames):
        if shape.kind == "bytes":
            _options(profile, shape.option, "frames", number, "option")
    for number, message in enumerate(profile.messages):
        _message(profile, number, message)
    for number, example in enumerate(profile.examples):
        _example(profile, number, example, messages)


def _command(profile: Profile, name: str, messages: set[str]) -> None:
    command = profile.commands[name]
    if command.reply is not None and command.reply not in messages:
        raise misplaced("reply " + word(command.reply, messages), "commands", name, "reply")
    if command.has_check and not (command.check or profile.command_check):
        raise misplaced("{check} wants its rule: command_check for all commands, or check here", "commands", name)


def _step(profile: Profile, step: Step, *where: str | int) -> None:
    """What is sent without a person needs a value for each of its slots."""
    _known_command(profile, step.command, *where)
    command = profile.commands[step.command]
    for slot in step.values:
        if slot not in command.slots:
            raise misplaced(f"{step.command}: {word(slot, command.slots)}", *where)
    defaults = {name for name, param in command.params.items() if param.default is not None}
    for slot in command.slots:
        if slot not in {*step.values, *defaults, *profile.options}:
            raise misplaced(f"{step.command} has no value for {slot}: an option, a default or `with` gives it", *where)


def _known_command(profile: Profile, name: str, *where: str | int) -> None:
    if name not in profile.commands:
        raise misplaced("command " + word(name, profile.commands), *where)


def _message(profile: Profile, number: int, message: Message) -> None:
    longest = max(shape.longest for shape in profile.frames)
    for asked in message.asked or []:
        _known_command(profile, asked, "messages", number, "asked")
    for at, field in enumerate(message.fields):
        _within(longest, field.label, field.at, field.bytes, "messages", number, "fields", at)
        _options(profile, field.option, "messages", number, "fields", at, "option")
    for at, flag in enumerate(message.flags):
        _within(longest, flag.name, flag.at, flag.bytes, "messages", number, "flags", at)
        _options(profile, flag.option, "messages", number, "flags", at, "option")
    for at, condition in enumerate(message.when):
        _within(longest, "this byte", condition.at, 1, "messages", number, "when", at)


def _within(longest: int, what: str, at: int | None, size: int, *where: str | int) -> None:
    if at is not None and not (0 <= at <= longest - size or -longest <= at <= -size):
        raise misplaced(f"{what} is outside the longest frame of {longest} bytes", *where, "at")


def _example(profile: Profile, number: int, example: Example, messages: set[str]) -> None:
    _options(profile, example.options, "examples", number, "options")
    if example.asked is not None:
        _known_command(profile, example.asked, "examples", number, "asked")
    if example.message not in messages:
        raise misplaced("message " + word(example.message, messages), "examples", number, "message")


def _options(profile: Profile, named: Mapping[str, Scalar] | None, *where: str | int) -> None:
    for option, value in (named or {}).items():
        if option not in profile.options:
            raise misplaced("option " + word(option, profile.options), *where)
        try:
            allowed(f"option {option}", value, profile.options[option])
        except ValueError as error:
            raise misplaced(str(error), *where) from error


def _steps(mode: Mode) -> list[Step]:
    rest = [mode.duty.wake, mode.duty.sleep] if mode.duty else []
    return [*mode.start, *mode.ask, *rest, *([mode.gate.ask] if mode.gate else [])]


def allowed(what: str, value: Scalar, option: Option) -> None:
    """Raises ValueError naming `what` when an option may not have this value."""
    if option.choices is not None and value not in option.choices:
        raise ValueError(f"{what} is {value!r}; one of {', '.join(map(str, option.choices))} is wanted")
    if (option.min is not None or option.max is not None) and value not in option.also:
        low, high = option.min or 0, option.max if option.max is not None else float("inf")
        is_whole = isinstance(option.default, int)
        if isinstance(value, (str, bool)) or not low <= value <= high or (is_whole and not isinstance(value, int)):
            number = f"{'a whole number of ' if is_whole else ''}{low:.15g} to {high:.15g}"
            raise ValueError(f"{what} is {value!r}; {' or '.join([number, *map(str, option.also)])} is wanted")
