"""The verdict as one page: figures, what was done to the system, what is wrong, and plots. No script, no other file."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Final

from collector.stores.store import Select, Store
from simulator.city.city import UTC_OFFSET_H
from simulator.notes import Notes, SeriesOf
from simulator.plots import Line, plot
from simulator.verify.verdict import Verdict

POINTS: Final = 120
SERIES_SHOWN: Final = 12
FIRST: Final = ("pm25_raw_ugm3", "pm10_raw_ugm3", "speed_tms_kmh", "count", "temp_c")
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,'PingFang SC','Noto Sans CJK SC',sans-serif;max-width:60rem;margin:2rem auto;"
    "padding:0 1rem;color:#1a1a1a}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;"
    "border-bottom:1px solid #ddd;vertical-align:top}.pass{background:#1b5e20}.fail{background:#9b1c1c}"
    ".pass,.fail{color:#fff;padding:.3rem .8rem;border-radius:.3rem;font-weight:bold}"
    ".plots{display:flex;flex-wrap:wrap;gap:1rem}.plots svg{width:22rem;border:1px solid #ddd}"
)


def page(verdict: Verdict, notes: Notes, store: Store) -> str:
    """The whole page. Raises StoreDown."""
    word = "pass" if verdict.passed else "fail"
    body = [
        f"<h1>{escape(verdict.run)} <span class={word}>{word.upper()}</span></h1>",
        _table(("what", "how many"), _figures(verdict)),
    ]
    if verdict.faults or verdict.not_allowed:
        rows: list[tuple[str, ...]] = [(f.what, f.where, clock(f.time_ms), f.text) for f in verdict.faults]
        rows += [("not allowed here", "", "", text) for text in verdict.not_allowed]
        body += ["<h2>What is wrong</h2>", _table(("what", "where", "when", ""), rows)]
    moments = notes.moments()
    if moments:
        body += [
            "<h2>What was done to the system</h2>",
            _table(("when", "what"), [(clock(at), t) for at, t in moments]),
        ]
    body += ["<h2>Meant and stored</h2><div class=plots>", *_plots(notes, store), "</div>"]
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(verdict.run)}: {word}</title><style>{_STYLE}</style>{chr(10).join(body)}</html>\n"
    )


def clock(time_ms: int) -> str:
    """The city's clock."""
    return f"{datetime.fromtimestamp(time_ms / 1000, timezone(timedelta(hours=UTC_OFFSET_H))):%Y-%m-%d %H:%M:%S}"


def _figures(verdict: Verdict) -> list[tuple[str, ...]]:
    rows: list[tuple[str, int | float]] = [
        ("sent by sensors", verdict.sent),
        ("stored", verdict.stored),
        ("lost", verdict.lost),
    ]
    rows += [(f"missing, explained: {cause}", count) for cause, count in sorted(verdict.missing.items())]
    rows += [("doubled", verdict.doubled), ("never sent", verdict.unsent)]
    rows += [(f"wrong: {what}", count) for what, count in sorted(verdict.wrong.items())]
    rows += [("time estimated, and said so", verdict.estimated), ("still waiting", verdict.waiting)]
    if verdict.vehicles_passed:
        rows += [("vehicles passed", verdict.vehicles_passed), ("vehicles counted", verdict.vehicles_counted)]
    rows += [("alerts expected", verdict.alerts_expected), ("alerts raised", verdict.alerts_raised)]
    rows += [(name.replace("_", " "), value) for name, value in verdict.late.items()]
    return [*((name, f"{value:,}") for name, value in rows), ("bytes", verdict.hash)]


def _plots(notes: Notes, store: Store) -> list[str]:
    """Of the first series of each kind: the mean of what was meant and of what is stored, in equal steps of time."""
    span = notes.span()
    if span is None:
        return []
    shown: dict[str, int] = defaultdict(int)
    found: list[str] = []
    for number, series in notes.series().items():
        if len(found) >= SERIES_SHOWN or shown[series.kind] >= SERIES_SHOWN // 2:
            continue
        drawn = _plot(notes, store, number, series, span)
        if drawn is not None:
            shown[series.kind] += 1
            found.append(drawn)
    return found


def _plot(notes: Notes, store: Store, number: int, series: SeriesOf, span: tuple[int, int]) -> str | None:
    step = (span[1] - span[0]) // POINTS + 1
    meant: dict[str, list[list[float]]] = {}
    for sent in notes.readings(number, span[0], span[1] + 1):
        for name, value in (sent.values or {}).items():
            if isinstance(value, (int, float)):
                meant.setdefault(name, [[] for _ in range(POINTS + 1)])[(sent.time_ms - span[0]) // step].append(value)
    if not meant:
        return None
    name = next((known for known in FIRST if known in meant), min(meant))
    stored: list[list[float]] = [[] for _ in range(POINTS + 1)]
    tags = dict(series.tags)
    where: dict[str, str | tuple[str, ...]] = {"node": series.node, "sensor": series.sensor, **tags}
    for answer in store.select(Select(series.kind, (name,), span[0], span[1] + 1, where=where)):
        for time_ms, value in answer.rows:
            if value is not None:
                stored[(time_ms - span[0]) // step].append(value)
    labels = [clock(span[0] + at * step)[11:16] for at in range(POINTS + 1)]
    title = "/".join((series.node, series.sensor, *tags.values()))
    return plot(title, labels, [Line("meant", _means(meant[name])), Line("stored", _means(stored))], name)


def _means(parts: list[list[float]]) -> list[float | None]:
    return [sum(part) / len(part) if part else None for part in parts]


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(text)}" for text in heads)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows)
    return f"<table><tr>{head}{lines}</table>"
