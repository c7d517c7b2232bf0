"""What is said of an alert, in Chinese and English: what, how much, against which limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.rules.words import duration_text, duration_zh, reading
from wire.both import Both
from wire.quantities import QUANTITIES, STATS

if TYPE_CHECKING:
    from collector.rules.rule import Rule, Spec

SEVERITY_WORDS = {
    "critical": Both("critical", "紧急"),
    "major": Both("major", "重要"),
    "minor": Both("minor", "一般"),
}
STATE_WORDS = {
    "firing": Both("firing", "告警中"),
    "resolved": Both("resolved", "已解除"),
    "acked": Both("acknowledged", "已确认"),
    "silenced": Both("silenced", "已静默"),
}
BEGAN_AT = Both("began at", "触发时")


def limit_words(state: str, limit: str) -> tuple[str, str]:
    """In Chinese and English, in brackets: 限值 would be that of a law, and an end has another than a beginning."""
    if state == "resolved":
        return f"（解除阈值 {limit}）", f" (clears at {limit})"
    return f"（阈值 {limit}）", f" (limit {limit})"


def texts(rule: Rule, value: float | None, state: str) -> tuple[str, str]:
    """One line each in Chinese and English: what, how much, against which limit."""
    solved_zh, solved_en = ("已恢复：", "Resolved: ") if state == "resolved" else ("", "")
    if rule.spec is None:
        wait_ms = rule.absent or rule.offline or 0
        wait_zh, wait = duration_zh(wait_ms), duration_text(wait_ms)
        zh, en = (
            (f"超过 {wait_zh}无数据", f"no data for {wait}")
            if rule.absent
            else (f"离线超过 {wait_zh}", f"offline for {wait}")
        )
        detail_zh, detail_en = ("", "") if solved_zh else (f"：{zh}", f": {en}")
    else:
        name_zh, name_en, unit = names_of(rule.spec, rule.limit.percent)
        shown = "-" if value is None else f"{reading(value)}{unit}"
        limit_zh, limit_en = limit_words(state, f"{rule.clear_limit if solved_zh else rule.limit}")
        began_zh, began_en = ("", "") if solved_zh else ("触发时 ", "began at ")  # it is read hours later, too
        detail_zh = f"：{name_zh} {began_zh}{shown}{limit_zh}"
        detail_en = f": {name_en} {began_en}{shown}{limit_en}"
        if rule.category is not None:
            words = "、".join(rule.category), ", ".join(rule.category)
            detail_zh, detail_en = ("", "") if solved_zh else (f"：{words[0]}", f": {words[1]}")
    return f"{solved_zh}{rule.text.zh}{detail_zh}", f"{solved_en}{rule.text.en}{detail_en}"


_STAT_WORDS = {
    "mean": ("均值", "mean"),
    "min": ("最小值", "minimum"),
    "max": ("最大值", "maximum"),
    "sum": ("合计", "sum"),
    "count": ("读数个数", "readings"),
    "last": ("", ""),
    "p85": ("第 85 百分位数", "85th percentile"),
    "range": ("极差", "range"),
    "change": ("变化", "change"),
    "suspect": ("可疑读数占比", "share of suspect readings"),
}
_VERSUS_WORDS = {
    "neighbours": ("与邻站相比", "against neighbours"),
    "last-week": ("与上周同期相比", "against last week"),
}


def names_of(spec: Spec, percent: bool) -> tuple[str, str, str]:
    """The quantity's name in Chinese and English with the window's, and its unit."""
    base = spec.quantity
    quantity = QUANTITIES.get(base) or QUANTITIES.get(base.rpartition("_")[0])
    zh, en = (quantity.zh, quantity.en) if quantity is not None else (base, base)
    if quantity is not None and base not in QUANTITIES and base.rpartition("_")[2] in STATS:
        stat = base.rpartition("_")[2]
        zh, en = f"{zh} {_STAT_WORDS.get(stat, _STAT_WORDS['count'])[0]}", f"{en} {stat}"
    stat_zh, stat_en = _STAT_WORDS.get(spec.stat, ("", ""))
    over_zh, over = (duration_zh(spec.over_ms), duration_text(spec.over_ms)) if spec.over_ms else ("", "")
    extra_zh, extra_en = _VERSUS_WORDS.get(spec.versus or "", ("", ""))
    unit = "" if quantity is None or quantity.unit == "1" or spec.stat == "count" else f" {quantity.unit}"
    unit = "%" if percent or spec.stat == "suspect" else unit
    join = " ".join
    return (
        join(filter(None, (zh, over_zh + stat_zh, extra_zh))),
        join(filter(None, (en, over, stat_en, extra_en))),
        unit,
    )
