"""Settings as pydantic models over strict YAML: unknown keys refused with file, line and the nearest known word."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from common.strict_yaml import Document, NotUsable, Problem, Where, read
from wire.quantities import nearest


class Strict(BaseModel):
    """Base of every model read from a file: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = [info.alias or name for name, info in cls.model_fields.items()]
            for key in data:
                if key not in known:
                    raise PydanticCustomError("unknown_key", "{text}", {"key": key, "text": _unknown(key, known)})
        return data


_WANTED = {
    "model_type": "keys and values are wanted here",
    "dict_type": "keys and values are wanted here",
    "list_type": "a list is wanted, such as [a, b]",
    "too_short": "{min_length} or more are wanted",
    "string_type": "a text is wanted (quotes make one)",
}
"""What pydantic says in Python's words, in those of a settings file."""

Model = TypeVar("Model", bound=BaseModel)


def load(model: type[Model], path: Path) -> Model:
    """Read and validate one file. Raises NotUsable with every complaint, OSError as it comes."""
    return fit(model, read(path))


def fit(model: type[Model], document: Document) -> Model:
    """Validate a document that was read. Raises NotUsable with file, line, place and cure for every complaint."""
    if not isinstance(document.data, dict):
        raise NotUsable([document.problem((), "a mapping of keys and values is wanted here")])
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise NotUsable([_problem(document, item) for item in found if not _says_nothing(item)]) from error


def misplaced(text: str, *where: str | int) -> PydanticCustomError:
    """An error for a model's own check to raise, at a place inside the model."""
    return PydanticCustomError("misplaced", "{text}", {"text": text, "where": where})


def word(given: str, known: Any) -> str:
    """`"evn"; did you mean "even"?`, or the list of what is known when nothing is near."""
    near = nearest(given, known)
    if near is not None:
        return f"'{given}' is not known; did you mean '{near}'?"
    some = sorted(known)
    if not some:
        return f"'{given}' is not known; there is none"
    more = f" and {len(some) - 12} more" if len(some) > 12 else ""
    return f"'{given}' is not known; known are {', '.join(some[:12])}{more}"


def _unknown(key: str, known: list[str]) -> str:
    if " " in key:  # {en: left, right} is two keys to YAML
        return f"unknown key '{key}': put the text before it in quotes when it holds a comma"
    near = nearest(key, known)
    return f"unknown key '{key}'" + (f", did you mean '{near}'?" if near else f"; known are {', '.join(known)}")


def _says_nothing(item: ErrorDetails) -> bool:
    """A list of a word or a list is wrong somewhere within, which is told; that it is no word helps nobody."""
    branch = str(item["loc"][-1]) if item["loc"] else ""
    return branch.startswith("literal[") and isinstance(item["input"], (dict, list))


def _problem(document: Document, item: ErrorDetails) -> Problem:
    where = _real(document, item["loc"], item["type"] == "missing")
    context = item.get("ctx", {})
    if item["type"] == "unknown_key":
        return document.problem((*where, context["key"]), context["text"])
    if item["type"] == "misplaced":
        return document.problem((*where, *context["where"]), context["text"])
    wanted = _WANTED.get(item["type"])
    text = wanted.format(**context) if wanted else item["msg"].removeprefix("Value error, ")
    if item["type"] == "literal_error":
        given, known = item["input"], [part.strip(" '") for part in context["expected"].replace(" or ", ",").split(",")]
        text = word(given, known) if isinstance(given, str) else f"one of {', '.join(known)} is wanted, not {given!r}"
    elif item["type"] == "missing":
        text = "this key is missing"
    elif item["type"] == "union_tag_invalid":
        tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        return document.problem((*where, context["discriminator"].strip("'")), word(context["tag"], tags))
    elif item["type"] == "union_tag_not_found":
        text = f"the key {context['discriminator']} is missing"
    elif item["type"] == "secret":
        pass  # the text says it all; a value that may hold a secret is not repeated
    elif isinstance(item["input"], str) and repr(item["input"]) in text:
        pass  # it names the value already
    elif item["input"] is None:
        text = f"{text}: nothing is written here"
    elif not isinstance(item["input"], (dict, list)):
        text = f"{text}, not {item['input']!r}"
    return document.problem(where, text)


def _real(document: Document, loc: tuple[int | str, ...], missing: bool) -> Where:
    """The part of pydantic's place that is in the file, or missing there: names of union members are left out."""
    where: list[int | str] = []
    data: Any = document.data
    for step in loc:
        if isinstance(step, str) and isinstance(data, dict) and step in data:  # noqa: SIM114 (mypy needs the two apart)
            data = data[step]
        elif isinstance(step, int) and isinstance(data, list) and step < len(data):
            data = data[step]
        elif missing and step == loc[-1]:
            where.append(step)
            break
        else:
            continue
        where.append(step)
    return tuple(where)
