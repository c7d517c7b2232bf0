"""Rules files, read so that every complaint names its file and line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from collector.rules.complaint import BadRules
from collector.rules.parsing import parse
from collector.rules.rule import Rule
from common.strict_yaml import Document, NotUsable, Problem, read


def load_rules(files: Iterable[Path], channels: Iterable[str] | None = None) -> list[Rule]:
    """Rules of all files, in order. Raises NotUsable with file and line, OSError as it comes.

    With `channels`, whoever a rule notifies must be one of them.
    """
    rules: list[Rule] = []
    known = None if channels is None else sorted(channels)
    places: dict[str, str] = {}
    for file in files:
        document = read(file)
        found = rules_in(document)
        problems = []
        for number, rule in enumerate(found):
            line = document.line((number, "alert"))
            if rule.alert in places:
                text = f"{rule.alert!r} is a second rule of that name, the first is in {places[rule.alert]}"
                problems.append(Problem(str(file), line, "", text))
            places[rule.alert] = f"{file}:{line}"
            for name in rule.notify:
                if known is not None and name not in known:
                    named = f", there are {', '.join(known)}" if known else ", there are none"
                    text = f"{rule.alert}: no channel {name!r}{named}"
                    problems.append(Problem(str(file), document.line((number, "notify")), "", text))
        if problems:
            raise NotUsable(problems)
        rules += found
    return rules


def rules_in(document: Document, *keys: str) -> list[Rule]:
    """The rules that stand in a document below `keys`. Raises NotUsable with file and line."""
    data = document.data
    for key in keys:
        data = data[key]
    try:
        return parse(data, document.file, lambda path: document.line((*keys, *path)))
    except BadRules as bad:
        raise NotUsable([_problem(document.file, line) for line in bad.problems]) from bad


def _problem(file: str, text: str) -> Problem:
    """The line that a complaint names stands in front of it."""
    told = text.removeprefix(f"{file}:").strip()
    place, _, rest = told.partition(":")
    return Problem(file, int(place), "", rest.strip()) if place.isdigit() else Problem(file, 1, "", told)
