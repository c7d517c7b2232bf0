"""Transitions of a few rules, and what a desk says when it hears them."""

from dataclasses import replace

from collector.rules.parsing import parse
from collector.rules.series import Series
from collector.rules.transition import transition
from wire.times import MINUTE_MS

T0 = 1_790_000_000_000
TEXT = {"zh": "过高", "en": "too high"}


def rule(name, **more):
    plain = {"alert": name, "kind": "air_quality", "window": {"last": "pm25_ugm3"}, "raise": "> 75", "text": TEXT}
    plain |= {"notify": ["bureau"]} | more
    return parse([{key: value for key, value in plain.items() if value is not ...}])[0]


HIGH = rule("pm25-high")
SILENT = rule("silent", window=..., absent="10m", **{"raise": ...})
LOST = rule("node-lost", kind="node_health", window=..., offline="5m", **{"raise": ...})
BROKER = rule("broker-lost", kind="collector", window=..., offline="1m", **{"raise": ...})


def series(node="lp-1", sensor="air-1", kind="air_quality"):
    return Series.of(
        kind, {"site": "east", "node": node, "sensor": sensor} if sensor else {"site": "east", "node": node}
    )


def firing(minute=0, by=HIGH, of=None, start=None):
    at = T0 + int(minute * MINUTE_MS)
    return transition(of or series(), by, T0 if start is None else start, 80.0, "firing", at)


def resolved(minute, by=HIGH, of=None, start=None):
    return replace(firing(minute, by, of, start), state="resolved")


def heard(desk, minute, *transitions):
    now = T0 + int(minute * MINUTE_MS)
    desk.hear(transitions, now)
    return [(n.receiver, n.what, [line.state for line in n.lines]) for n in desk.tick(now)]
