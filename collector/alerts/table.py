"""Alerts as rows of a table: for people at a terminal, and as plain values for programs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collector.config import Config
    from collector.rules.desk import Desk
    from collector.rules.standing import Standing
    from collector.rules.transition import Transition


def row(settings: Config, desk: Desk, each: Standing, names: dict[str, str], now_ms: int) -> dict[str, Any]:
    """One firing alert, with who has it."""
    alert, hidden = each.alert, desk.hidden(each.alert, now_ms)
    state = "ACKED" if each.ack is not None else "SILENT" if hidden is not None else "FIRING"
    who = "-"
    if each.ack is not None:
        until = "until resolved" if each.ack.until_ms >= 2**53 else f"until {_clock(settings, each.ack.until_ms)}"
        note = f' "{each.ack.note}"' if each.ack.note else ""
        who = f"{each.ack.who}{note} {until}"
    elif hidden is not None:
        who = hidden if hidden.startswith("s-") else f"follows from a-{hidden[:6]}"
    return _plain(settings, alert, names) | {"state": state, "flapping": each.flapping, "who": who}


def ended_row(settings: Config, alert: Transition, names: dict[str, str]) -> dict[str, Any]:
    """One alert that is over."""
    return _plain(settings, alert, names) | {"state": "RESOLVED", "flapping": False, "who": "-"}


def _plain(settings: Config, alert: Transition, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": names[alert.fingerprint],
        "fingerprint": alert.fingerprint,
        "severity": alert.severity,
        "since_ms": alert.start_ms,
        "station": station(settings, alert),
        "rule": alert.rule,
        "limit": alert.limit,
        "value": alert.value,
        "text": {"zh": alert.text_zh, "en": alert.text_en},
        "labels": alert.labels,
        "key": alert.key,
    }


def table(rows: list[dict[str, Any]], now_ms: int) -> list[str]:
    """The rows as lines of a terminal, Chinese names in their true width, and what to do next."""
    head = ("ID", "STATE", "SEV", "SINCE", "STATION", "RULE", "VALUE", "WHO")
    cells = [
        (
            row["id"],
            row["state"] + ("~" if row["flapping"] else ""),
            row["severity"],
            _age(now_ms - row["since_ms"]),
            row["station"],
            f"{row['rule']} {row['limit']}".strip(),
            "-" if row["value"] is None else f"{row['value']:g}",
            row["who"],
        )
        for row in rows
    ]
    widths = [max(map(_width, column)) for column in zip(head, *cells, strict=True)]
    lines = []
    for line in (head, *cells):
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
    counts = {state: sum(row["state"] == state for row in rows) for state in ("FIRING", "ACKED", "SILENT")}
    told = f"{counts['FIRING']} firing, {counts['ACKED']} acknowledged, {counts['SILENT']} silenced."
    hint = next((row["id"] for row in rows if row["state"] == "FIRING"), None)
    return [*lines, told + (f'     lamppost alerts ack {hint} -m "..."' if hint else "")]


def _width(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def station(settings: Config, alert: Transition) -> str:
    """Where an alert is, as people call it."""
    from collector.names import Names

    labels = alert.labels
    called = Names(settings).of(labels.get("node", ""))
    name = f"{called[0]} " if called is not None else ""
    where = " ".join(labels[key] for key in ("node", "sensor", "lane", "direction") if key in labels)
    return name + (where or alert.kind)


def _age(age_ms: int) -> str:
    for unit, ms in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if age_ms >= 2 * ms or (unit == "min" and age_ms >= ms):
            return f"{age_ms // ms} {unit}"
    return f"{max(0, age_ms) // 1000} s"


def short_names(fingerprints: Iterable[str]) -> dict[str, str]:
    """The shortest ids, of three letters at least, that tell these alerts apart."""
    known = sorted(set(fingerprints))
    length = next((n for n in range(3, 16) if len({name[:n] for name in known}) == len(known)), 16)
    return {name: f"a-{name[:length]}" for name in known}


def _clock(settings: Config, at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(settings.web.time_zone)).strftime("%m-%d %H:%M:%S")
