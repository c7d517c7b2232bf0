"""The name of one setting as people write it: `broker.port`, `sensors.air-1.port`, `sensors[0].port`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from common.strict_model import word
from common.strict_yaml import Where

_STEPS = re.compile(r"[^.\[\]]+|\[[^\[\]]+\]")


class NoSuchSetting(ValueError):
    """There is no such place; the text names the nearest word."""


def steps_of(path: str) -> list[str]:
    """`sensors[0].port` as its steps. Raises NoSuchSetting for what is no path."""
    steps = [step.strip("[]") for step in _STEPS.findall(path)]
    if not steps or ".".join(steps) != re.sub(r"\[", ".", path).replace("]", ""):
        raise NoSuchSetting(f"'{path}' is not a setting; write it like broker.port or sensors.air-1.port")
    return steps


def where_in(data: Any, path: str) -> Where:
    """The place of `path` in settings as they stand in the file. A key may be missing; an item of a list may not.

    An item is named by its place from 0 or by its `name`. Raises NoSuchSetting.
    """
    where: list[str | int] = []
    for step in steps_of(path):
        if isinstance(data, list):
            number = _item(data, step, ".".join(map(str, where)))
            where.append(number)
            data = data[number]
        elif data is None or isinstance(data, dict):
            where.append(step)
            data = (data or {}).get(step)
        else:
            raise NoSuchSetting(f"{'.'.join(map(str, where))} holds a value, not keys: '{step}' cannot be in it")
    return tuple(where)


def value_at(data: Any, path: str) -> Any:
    """The value at `path` in settings with every default filled in. Raises NoSuchSetting with the nearest word."""
    at: list[str] = []
    for step in steps_of(path):
        if isinstance(data, list):
            data = data[_item(data, step, ".".join(at))]
        elif not isinstance(data, dict):
            raise NoSuchSetting(f"{'.'.join(at)} is {'not set' if data is None else 'a value'}: it holds no '{step}'")
        elif step not in data:
            raise NoSuchSetting(f"{'.'.join(at)}: {word(step, data)}" if at else word(step, data))
        else:
            data = data[step]
        at.append(step)
    return data


def leaves(data: Any, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Every value that is not itself a mapping or a list of mappings, with its place."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from leaves(value, (*where, key))
    elif isinstance(data, list) and any(isinstance(item, dict) for item in data):
        for number, item in enumerate(data):
            yield from leaves(item, (*where, number))
    else:
        yield where, data


def shown(where: Where, data: Any) -> str:
    """A place as a person names it: items of a list by their name."""
    text = ""
    for step in where:
        name = step
        if isinstance(step, int) and isinstance(data[step], dict):
            name = data[step].get("name", step)
        text += f".{name}" if text else str(name)
        data = data[step]
    return text


def _item(items: list[Any], step: str, at: str) -> int:
    names = [item.get("name") for item in items if isinstance(item, dict)]
    if step in names:
        return names.index(step)
    if step.isascii() and step.isdigit():
        if int(step) < len(items):
            return int(step)
        raise NoSuchSetting(f"{at} has {len(items)} items, counted from 0: there is no {step}")
    raise NoSuchSetting(f"{at}: {word(step, [name for name in names if isinstance(name, str)])}")
