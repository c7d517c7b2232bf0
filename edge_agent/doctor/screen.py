"""The report as people see it at 60 columns: state, id, what was found; the cure on a line of its own. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter

from edge_agent.doctor.result import Result, State

WIDTH = 60
ID_WIDTH = 19
_COLOURS = {State.OK: "32", State.WARN: "33", State.FAIL: "1;31", State.SKIP: "2"}


def screen(results: list[Result], took_s: float, colours: bool = False, everything: bool = True) -> str:
    """All lines. Without `everything` what is well is only counted."""
    shown = [result for result in results if everything or result.state in (State.WARN, State.FAIL)]
    return "\n".join([*(line for result in shown for line in lines_of(result, colours)), *_summary(results, took_s)])


def lines_of(result: Result, colours: bool = False) -> list[str]:
    """One result: what was found, and the cure of what is wrong."""
    state = f"{result.state.value:<4}"
    if colours:
        state = f"\x1b[{_COLOURS[result.state]}m{state}\x1b[0m"
    indent = " " * (ID_WIDTH + 7)
    texts = textwrap.wrap(result.text, WIDTH - len(indent), break_on_hyphens=False) or [""]
    head = f" {state} {result.id:<{ID_WIDTH}} "
    if len(result.id) > ID_WIDTH:
        lines = [head.rstrip(), *(indent + text for text in texts)]
    else:
        lines = [head + texts[0], *(indent + text for text in texts[1:])]
    if result.cure and result.state in (State.WARN, State.FAIL):
        cure = textwrap.wrap(result.cure, WIDTH - 9, break_on_hyphens=False, break_long_words=False)
        lines += [f"      -> {cure[0]}", *(f"         {more}" for more in cure[1:])]
    return lines


def _summary(results: list[Result], took_s: float) -> list[str]:
    count = Counter(result.state for result in results)
    words = [
        _counted(count[State.FAIL], "failure"),
        _counted(count[State.WARN], "warning"),
        f"{count[State.SKIP]} skipped",
        f"{count[State.OK]} passed",
    ]
    lines = [f"{', '.join(words)}, {took_s:.1f} s"]
    if count[State.FAIL]:
        lines.append("For the office: sudo lamppost agent support-bundle")
    return lines


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
