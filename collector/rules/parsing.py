"""Rules made of loaded YAML, or every complaint about them: first their shape, then the names that they use. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from collector.rules.complaint import BadRules, LineOf, Path, hint, located, plain_error
from collector.rules.derived import interval_ms
from collector.rules.fields import CATEGORIES, INDEX_KIND, INDEX_WORDS, KINDS_WATCHED, fields_of, tags_of
from collector.rules.rule import WINDOW_STATS, Condition, Hours, Rule, Scope, Text, Window
from collector.rules.series import Series
from collector.rules.span import never_met
from collector.rules.words import Limit, duration_text
from measures.averages import DIRECTIONS
from wire import names


def parse(data: object, where: str = "rules", line_of: LineOf | None = None) -> list[Rule]:
    """The rules of a loaded file. Raises BadRules with one line, `FILE:LINE: ...`, for each thing wrong."""
    if not isinstance(data, list):
        raise BadRules([f"{where}: rules are a list, each beginning with - alert: NAME"])
    rules: list[Rule] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(data):
        found = list(_read(raw, rules))
        if not found and rules[-1].alert in seen:
            found = [(("alert",), f"{rules[-1].alert!r} is a second rule of that name")]
        elif not found:
            seen[rules[-1].alert] = number
        problems += [located(where, line_of, (number, *path), _title(raw, number), text) for path, text in found]
    if problems:
        raise BadRules(problems)
    return rules


def _read(raw: object, rules: list[Rule]) -> Iterable[tuple[Path, str]]:
    """Append the rule, or say what is wrong with it."""
    if not isinstance(raw, dict):
        return [((), "a rule is a mapping of keys")]
    try:
        rule = Rule.model_validate(raw)
    except ValidationError as error:
        found = [plain_error(problem, _keys_at(problem["loc"][:-1])) for problem in error.errors()]
        return found + list(_unknown_quantity(raw))
    rules.append(rule)
    return list(_unknown_names(rule))


def _unknown_quantity(raw: dict[str, Any]) -> Iterable[tuple[Path, str]]:
    """The window's quantity, where other things are wrong too: people mend all of it at once."""
    kind, window = raw.get("kind"), raw.get("window")
    if not isinstance(window, dict) or not isinstance(kind, str) or kind not in KINDS_WATCHED:
        return
    for stat, quantity in window.items():
        fields = fields_of(kind)
        if stat in WINDOW_STATS and isinstance(quantity, str) and quantity not in fields:
            yield ("window", stat), f"{kind} has no quantity {quantity!r}{hint(quantity, fields)}"


def _unknown_names(rule: Rule) -> Iterable[tuple[Path, str]]:
    yield from _unknown_tags(rule)
    if rule.window is not None:
        yield from _unknown_in_window((), rule.kind, rule.window, rule.limit)
        if rule.clear is not None and (told := never_met(rule.window.spec, rule.clear)):
            yield ("clear",), f'"{rule.clear}" is never met, and what fires would never end: {told}'
    for key, condition in (("and", rule.and_), ("unless", rule.unless)):
        if condition is None:
            continue
        kind, spec = condition.kind or rule.kind, condition.window.spec
        unknown = list(_unknown_in_window((key,), kind, condition.window, condition.raise_))
        if unknown:
            yield from unknown
        elif spec.versus:
            yield (key, "window", "versus"), "a second condition takes no versus"
        elif kind != rule.kind and not spec.over_ms:
            yield (key, "window"), "a condition on another kind needs over, such as mean over 10m"
    yield from _unknown_categories(rule)
    if rule.joined and (rule.window is None or rule.window.over == 0):
        yield ("window",), "a rule that looks at other series needs a window with over, such as mean over 10m"


def _unknown_categories(rule: Rule) -> Iterable[tuple[Path, str]]:
    scope = Scope.model_validate({"standard": list(rule.scope.standard)})
    of = [standard for standard in CATEGORIES if scope.holds({"standard": standard}, {})]
    known = list(dict.fromkeys(word for standard in of for word in CATEGORIES[standard]))
    whose = "" if scope.everything else f"of {', '.join(of)} "
    for word in rule.category or ():
        if word not in known:
            cure = hint(word, known) or f", there are {', '.join(known)}"
            yield ("category",), f"no index {whose}has a category {word!r}{cure}"


def _unknown_tags(rule: Rule) -> Iterable[tuple[Path, str]]:
    """What the scope narrows and the rule's series have not: it would match nothing."""
    tags = ("site", "node", "sensor") if rule.absent is not None else tags_of(rule.kind)  # a sensor is silent whole
    for tag, patterns in rule.scope.narrowed:
        if tag not in tags and "*" not in patterns:
            what = "absent watches sensors, which have" if rule.absent is not None else f"{rule.kind} has"
            yield ("scope", tag), f"{what} no {tag} and nothing can match, leave it out: there are {', '.join(tags)}"


def _unknown_in_window(at: Path, kind: str, window: Window, limit: Limit) -> Iterable[tuple[Path, str]]:
    """What is wrong with one window and its limit, at the place `at` of the rule."""
    spec, fields = window.spec, fields_of(kind)
    if spec.quantity not in fields:
        yield (*at, "window", spec.stat), f"{kind} has no quantity {spec.quantity!r}{hint(spec.quantity, fields)}"
    elif kind == INDEX_KIND and spec.quantity in INDEX_WORDS:
        text = f"{spec.quantity} is a word, a window is of numbers: watch value, or write category: [重度污染]"
        yield (*at, "window", spec.stat), text
    elif spec.quantity.removesuffix("_mean") in DIRECTIONS and spec.stat not in ("last", "count", "suspect"):
        text = f"a direction goes round at 360° and has no {spec.stat}: write last: {spec.quantity}"
        yield (*at, "window", spec.stat), text
    elif limit.percent and not (spec.versus or spec.stat == "suspect"):
        yield (*at, "raise"), "a limit in percent goes with versus or suspect, leave out the %"
    elif spec.stat in ("change", "range") and spec.over_ms <= (every_ms := _every_ms(kind)):
        text = f"one row of {kind} is in it, and one alone has no {spec.stat}: write {duration_text(2 * every_ms)}"
        yield (*at, "window", "over"), text
    elif told := never_met(spec, limit):
        yield (*at, "raise"), f'"{limit}" is never met: {told}'


def _every_ms(kind: str) -> int:
    """How often rows of a kind come at the most; 0 for readings."""
    return interval_ms(Series(kind, "", "", tags=(("period", "1h"),))) or 0


def _keys_at(path: Path) -> list[str]:
    models: dict[str | int, type[BaseModel]] = {
        "window": Window,
        "scope": Scope,
        "hours": Hours,
        "text": Text,
        "and": Condition,
        "unless": Condition,
    }
    model = models.get(path[-1], Rule) if path else Rule
    return [field.alias or name for name, field in model.model_fields.items()]


def _title(raw: object, number: int) -> str:
    alert = raw.get("alert") if isinstance(raw, dict) else None
    return alert if names.is_name(alert) and isinstance(alert, str) else f"rule {number + 1}"
