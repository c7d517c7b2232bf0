"""The report as people see it at 60 columns: state, id, what was found; the cure on a line of its own. Pure."""

from __future__ import annotations

from collections import Counter
from functools import partial

from edge_agent.doctor.result import Result, State
from wire.both import LANGUAGES, Both, Language, in_language, joined
from wire.cells import padded, wrapped

WIDTH = 60
ID_WIDTH = 19
_WORDS_ZH = {State.OK: "正常", State.WARN: "警告", State.FAIL: "失败", State.SKIP: "跳过"}
_COLOURS = {State.OK: "32", State.WARN: "33", State.FAIL: "1;31", State.SKIP: "2"}


def screen(results: list[Result], took_s: float, colours: bool = False, everything: bool = True) -> Both:
    """All lines. Without `everything` what is well is only counted."""
    shown = [result for result in results if everything or result.state in (State.WARN, State.FAIL)]
    return joined("\n", [*(of_one(result, colours) for result in shown), *_summary(results, took_s)])


def of_one(result: Result, colours: bool = False) -> Both:
    """One result: what was found, and the cure of what is wrong."""
    return Both(*map("\n".join, map(partial(_lines, result, colours), LANGUAGES)))


def _lines(result: Result, colours: bool, language: Language) -> list[str]:
    text, cures = in_language(result.text, language), in_language(result.cure, language)
    state = padded(in_language(Both(result.state.value, _WORDS_ZH[result.state]), language), 4)
    if colours:
        state = f"\x1b[{_COLOURS[result.state]}m{state}\x1b[0m"
    indent = " " * (ID_WIDTH + 7)
    texts = wrapped(text, WIDTH - len(indent)) or [""]
    head = f" {state} {result.id:<{ID_WIDTH}} "
    if len(result.id) > ID_WIDTH:
        lines = [head.rstrip(), *(indent + text for text in texts)]
    else:
        lines = [head + texts[0], *(indent + text for text in texts[1:])]
    if cures and result.state in (State.WARN, State.FAIL):
        cure = wrapped(cures, WIDTH - 9, break_long_words=False)
        lines += [f"      -> {cure[0]}", *(f"         {more}" for more in cure[1:])]
    return lines


def _summary(results: list[Result], took_s: float) -> list[Both]:
    count = Counter(result.state for result in results)
    fail, warn, skip, ok = (count[state] for state in (State.FAIL, State.WARN, State.SKIP, State.OK))
    en = f"{_counted(fail, 'failure')}, {_counted(warn, 'warning')}, {skip} skipped, {ok} passed, {took_s:.1f} s"
    lines = [Both(en, f"失败 {fail}，警告 {warn}，跳过 {skip}，正常 {ok}，用时 {took_s:.1f} 秒")]
    if fail:
        bundle = "sudo lamppost agent support-bundle"
        lines.append(Both(f"For the office: {bundle}", f"发给管理中心：{bundle}"))
    return lines


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
