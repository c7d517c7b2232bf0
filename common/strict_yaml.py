"""YAML as people mean it: one document, plain data, no surprises, and every complaint with file and line.

Used for device profiles, agent and collector configuration and rules alike. Closed here, once:
tags that build objects, anchors and aliases (and with them the billion laughs), keys given twice, and the words and
numbers that YAML 1.1 reads as something else (`NO` as false, `0644` as octal, `12:30` as 750, `1_000`, `.nan`).
Mapping keys are always text, exactly as written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

BYTES_MAX = 1024 * 1024
NODES_MAX = 50_000
DEPTH_MAX = 24

Where = tuple[str | int, ...]
"""A place in a document: keys and list positions, outermost first."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_TRAP_WORDS = frozenset({"y", "n", "yes", "no", "on", "off"})
_TRAP_NUMBER = re.compile(
    r"[-+]?0[0-9_]+|0o[0-7]+|[-+]?[0-9][0-9,_]*_[0-9]*(\.[0-9_]*)?|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|[-+]?\.[0-9]+|[-+]?[0-9]+\."
)


class Problem(NamedTuple):
    """One complaint: the file, the line (from 1), the key's path and what to do about it."""

    file: str
    line: int
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where + ': ' if self.where else ''}{self.text}"


class NotUsable(ValueError):
    """The file cannot be used; `problems` holds every complaint, the message shows them one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(slots=True)
class Document:
    """A file's data (dict, list, str, int, float, bool, None) and the line of every key and item."""

    file: str
    data: Any
    lines: dict[Where, int] = field(default_factory=dict)

    def line(self, where: Where) -> int:
        """The line of `where`, or of the nearest thing around it."""
        for depth in range(len(where), -1, -1):
            if where[:depth] in self.lines:
                return self.lines[where[:depth]]
        return 1

    def problem(self, where: Where, text: str) -> Problem:
        """A complaint about one place in this document."""
        return Problem(self.file, self.line(where), path_text(where), text)


def path_text(where: Where) -> str:
    """`("fields", 0, "scale")` as `fields[0].scale`."""
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read(path: Path) -> Document:
    """Read one strict YAML file. Raises NotUsable with file and line; OSError as it comes."""
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a pipe or a device"  # which would never end
        raise NotUsable([Problem(str(path), 1, "", f"this is {what}; a file is wanted")])
    with path.open("rb") as file:
        raw = file.read(BYTES_MAX + 1)
    return parse(raw, str(path))


def parse(raw: bytes | str, file: str = "<text>") -> Document:
    """Read strict YAML from bytes or text; `file` is the name used in messages."""
    if len(raw) > BYTES_MAX:
        raise NotUsable([Problem(file, 1, "", f"more than {BYTES_MAX} bytes")])
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise NotUsable([Problem(file, line, "", "not UTF-8; save it as UTF-8")]) from error
    builder = _Builder(Document(file, None))
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        number = mark.line if mark else 0
        reason = (error.problem or "not YAML") + _usual_slip(error.problem or "", text.splitlines()[: number + 1][-2:])
        raise NotUsable([Problem(file, number + 1, "", reason)]) from error
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise NotUsable([Problem(file, line, "", f"a control character (#x{error.character:02x})")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise NotUsable([Problem(file, 1, "", str(error))]) from error
    if not builder.documents:
        raise NotUsable([Problem(file, 1, "", "the file holds no settings")])
    return builder.document


def _usual_slip(reason: str, lines: list[str]) -> str:
    """What people most often mean where the parser stumbles: at the line named, or at the end of the one before."""
    if "\\t" in reason or "tab" in reason or any(re.match(r" *\t", line) for line in lines):
        return " (indent with spaces)"
    for line in reversed(lines):
        if slip := re.search(r"[：，｛｝［］“”]", line):
            return f" ({slip[0]} is a full-width sign: write : , {{ }} [ ] and straight quotes)"
        if "\u00a0" in line or "\u3000" in line:
            return " (a blank here is a wide or a hard one, such as a phone types: write it anew)"
        if slip := re.search(r":\s+([>|%@`*&!])", line):
            return f" (a value that begins with {slip[1]} stands in quotes)"
    return ""


class _Builder:
    """Puts parser events together; keeps a stack of open lists and mappings beside the path to them."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.documents = 0
        self._open: list[Any] = []
        self._key: list[str | None] = []  # for each open mapping the key that waits for its value
        self._where: list[str | int] = []
        self._nodes = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse(line, "anchors (&) and aliases (*) are not used here; write the value out")
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._refuse(line, "a second document ('---'); one file holds one")
        elif isinstance(event, yaml.ScalarEvent):
            self._tag(event, line)
            parent = self._open[-1] if self._open else None
            if isinstance(parent, dict) and self._key[-1] is None:
                self._take_key(parent, event.value, line)
            else:
                self._put(event.value if event.style else self._plain(event.value, line), line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._tag(event, line)
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._descend({} if mapping else [], line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._open.pop()
            self._key.pop()
            if self._open:
                self._where.pop()
                self._key[-1] = None

    def _descend(self, container: Any, line: int) -> None:
        if len(self._open) >= DEPTH_MAX:
            self._refuse(line, f"nested deeper than {DEPTH_MAX}")
        if self._open and isinstance(self._open[-1], dict) and self._key[-1] is None:
            self._refuse(line, "a key must be plain text")
        self._put(container, line, opens=True)
        self._open.append(container)
        self._key.append(None)

    def _put(self, value: Any, line: int, opens: bool = False) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._refuse(line, f"more than {NODES_MAX} values")
        if not self._open:
            self.document.data = value
            self.document.lines[()] = line
            return
        parent = self._open[-1]
        step: str | int
        if isinstance(parent, list):
            step = len(parent)
            parent.append(value)
        else:
            key = self._key[-1]
            assert key is not None
            step = key
            parent[key] = value
        where = (*self._where, step)
        self.document.lines.setdefault(where, line)
        if opens:
            self._where.append(step)
        else:
            self._key[-1] = None

    def _take_key(self, parent: dict[str, Any], key: str, line: int) -> None:
        if key in parent:
            first = self.document.line((*self._where, key))
            self._refuse(line, f"the key '{key}' is given twice (first on line {first})")
        self._key[-1] = key
        self.document.lines[(*self._where, key)] = line

    def _plain(self, text: str, line: int) -> Any:
        if text in ("", "~", "null"):
            return None
        if text in ("true", "false"):
            return text == "true"
        if text.lower() in _TRAP_WORDS or text.lower() in ("true", "false", "null"):
            self._refuse(line, f"{text} without quotes is ambiguous; write true, false or null, or '{text}' in quotes")
        if _TRAP_NUMBER.fullmatch(text):
            self._refuse(line, f"{text} is ambiguous as a number; write it plainly, or in quotes when it is a text")
        if _INT.fullmatch(text):
            if len(text) > 20:
                self._refuse(line, "a whole number of more than 20 digits")
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            value = float(text)
            if value in (float("inf"), float("-inf")):
                self._refuse(line, f"{text} is too large for a number")
            return value
        return text

    def _tag(self, event: Any, line: int) -> None:
        if event.tag is not None:
            self._refuse(line, f"the tag {event.tag} is not allowed; plain values only")

    def _refuse(self, line: int, text: str) -> None:
        raise NotUsable([Problem(self.document.file, line, path_text(tuple(self._where)), text)])
