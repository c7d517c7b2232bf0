"""YAML text changed as a careful person would: one value, in place; comments, order and style of all else stay. Pure.

A key that stands in the text as a commented default (`# seal_s: 5.0`) is put where that line is, with what it explains.
The text must have passed `strict_yaml.parse`: no anchors, no tags, no key twice.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from common.strict_yaml import NotUsable, Where, parse

Node = Any
"""A yaml.Node: its kinds have different parts, and PyYAML's types know only some of them."""
_LOADER = yaml.SafeLoader  # libyaml's composer gives no end of flow collections that can be trusted
_PLAIN = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_/.:@+ -]*")


def with_value(text: str, where: Where, value: Any) -> str:
    """`text` with `value` at `where`; mappings missing on the way are made. Raises KeyError for a list without it."""
    node: Node = yaml.compose(text, Loader=_LOADER)
    after = 0
    for depth, step in enumerate(where):
        if _is_null(node):
            return _replaced(text, node, after, _nested(where[depth:], value))
        found = _child(node, step)
        if found is None:
            return _inserted(text, node, where[depth:], value, root=depth == 0)
        after, node = found
    return _replaced(text, node, after, value)


def without(text: str, where: Where) -> str:
    """`text` without the entry at `where`, and without what would be left empty. KeyError when it is not there."""
    parents: list[Node] = [yaml.compose(text, Loader=_LOADER)]
    for step in where:
        found = _child(parents[-1], step)
        if found is None:
            raise KeyError(step)
        parents.append(found[1])
    depth = len(where) - 1
    while depth > 0 and len(parents[depth].value) == 1:
        depth -= 1
    parent, step, node = parents[depth], where[depth], parents[depth + 1]
    start = _entry_start(parent, step)
    if parent.flow_style:
        end = _end(node)
        later = re.match(r"\s*,\s*", text[end:])
        if later:
            return text[:start] + text[end + later.end() :]
        before = text[:start].rstrip()
        return (before[:-1].rstrip() if before.endswith(",") else text[:start]) + text[end:]
    line = text.rfind("\n", 0, start) + 1
    if line and text[text.rfind("\n", 0, line - 1) + 1 : line].strip() == "" and isinstance(step, int):
        line = text.rfind("\n", 0, line - 1) + 1  # the blank line that parted it from the one before
    stop = text.find("\n", _end(node))
    return text[:line] + (text[stop + 1 :] if stop >= 0 else "")


def readings_of(typed: str) -> list[Any]:
    """What a person may have meant by a value: as YAML reads it, and as the text itself where that is another."""
    try:
        value = parse(f"a: {typed}" if typed else "a: ''", "value").data["a"]
    except NotUsable:
        return [typed]  # `yes`, `0644`: words of YAML's traps are taken as text
    return [value] if isinstance(value, (dict, list)) or value == typed else [value, typed]


def inline(value: Any) -> str:
    """A value on one line, as the sample writes it: quotes only where something else would be read."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {inline(item)}" for key, item in value.items()) + "}"
    if not isinstance(value, str):
        return str(value)
    return value if _PLAIN.fullmatch(value) and _reads_as(value, value) else _quoted(value)


def _quoted(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text) + '"'


def _reads_as(text: str, value: str) -> bool:
    try:
        return bool(parse(f"a: [{text}]").data["a"] == [value])
    except NotUsable:
        return False


def _is_null(node: Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in ("", "~", "null")


def _child(node: Node, step: str | int) -> tuple[int, Node] | None:
    """The end of the key (or the start of the item) and the node at one step below."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.end_mark.index, value
        return None
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.index, item
    raise KeyError(step)


def _entry_start(parent: Node, step: str | int) -> int:
    if isinstance(parent, yaml.MappingNode):
        return int(next(key for key, _ in parent.value if key.value == step).start_mark.index)
    return int(parent.value[step].start_mark.index)


def _end(node: Node) -> int:
    """Where what the node says ends: a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.ScalarNode):
        mark: Any = node.start_mark
        return int(mark.index + len(mark.buffer[mark.index : node.end_mark.index].rstrip()))
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    if isinstance(node, yaml.MappingNode):
        key, value = last
        return max(_end(value), int(key.end_mark.index) + 1)
    return _end(last)


def _replaced(text: str, node: Node, after: int, value: Any) -> str:
    start, end = node.start_mark.index, _end(node)
    begins_line = text[text.rfind("\n", 0, start) + 1 : start].strip() in ("", "-")
    if _is_null(node) or (isinstance(node, yaml.CollectionNode) and not node.flow_style and begins_line):
        start = text.index(":", after) + 1 if after and text[after : after + 1] == ":" else start
        end = max(start, end)
        return f"{text[:start]}{'' if text[start - 1] == ' ' else ' '}{inline(value)}{text[end:]}"
    return text[:start] + inline(value) + text[end:]


def _nested(steps: Where, value: Any) -> Any:
    for step in reversed(steps):
        if isinstance(step, int):
            raise KeyError(step)
        value = {step: value}
    return value


def _inserted(text: str, node: Node, steps: Where, value: Any, root: bool) -> str:
    if not isinstance(node, yaml.MappingNode):
        raise KeyError(steps[0])
    key, value = str(steps[0]), _nested(steps[1:], value)
    if node.flow_style:
        end = _end(node.value[-1][1]) if node.value else node.end_mark.index - 1
        return f"{text[:end]}{', ' if node.value else ''}{key}: {inline(value)}{text[end:]}"
    indent = " " * node.value[0][0].start_mark.column
    wanted = _block(indent, key, value)
    lines = text.split("\n")
    commented = _commented(lines, node, indent, key)
    if commented is not None:
        lines[commented] = _with_comment_of(lines[commented], wanted)
        return "\n".join(lines)
    entries = [entry for _, entry in node.value]
    plain = [entry for entry in entries if not isinstance(entry, yaml.SequenceNode)] if root else entries
    at = text.count("\n", 0, _end((plain or entries)[-1])) + 1
    spaced = root and isinstance((plain or entries)[-1], yaml.MappingNode)
    return "\n".join([*lines[:at], *([""] if spaced else []), wanted, *lines[at:]])


def _block(indent: str, key: str, value: Any) -> str:
    if isinstance(value, dict) and value:
        return "\n".join([f"{indent}{key}:", *(_block(indent + "  ", name, item) for name, item in value.items())])
    return f"{indent}{key}: {inline(value)}"


def _commented(lines: list[str], node: Node, indent: str, key: str) -> int | None:
    """The line in this block that shows the key's default as a comment."""
    default = re.compile(rf"{indent}# {re.escape(key)}:( +([\[{{\"'].*|\S+( \S+)?))?( +#.*)?")
    for number in range(node.value[0][0].start_mark.line, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) < len(indent):
            if number > node.value[0][0].start_mark.line:
                return None
            continue  # `- name:` of a list's item begins left of its other keys
        if default.fullmatch(line):
            return number
    return None


def _with_comment_of(line: str, wanted: str) -> str:
    said = re.search(r"\s#\s.*$", line[line.index("# ") + 2 :])
    if said is None or "\n" in wanted:
        return wanted
    column = line.index("# ") + 2 + said.start() + 1
    return f"{wanted:<{column}}" + ("" if len(wanted) < column else "  ") + said.group().strip()
