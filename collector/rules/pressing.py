"""Reminders and escalation: what still fires while nobody has it is told again, and to others too. Pure."""

from __future__ import annotations

from collector.rules.notification import Notification, group_of, notification
from collector.rules.policy import Policy
from collector.rules.rule import SEVERITIES
from collector.rules.standing import Line, Standing


def is_due(each: Standing, policy: Policy, now_ms: int) -> bool:
    """Whether a reminder or a step is due by time alone; thousands may fire, and few are at any moment."""
    step = policy.steps[each.steps] if each.steps < len(policy.steps) else None
    is_step_due = step is not None and now_ms - each.since_ms >= step.after_ms
    return is_step_due or now_ms - each.told_ms >= policy.repeat_ms


def press(each: Standing, policy: Policy, now_ms: int) -> list[Notification]:
    """What is to be said of it now; what was said is noted in it."""
    said: list[Notification] = []
    lines, group = [Line(each.told, each.alert)], group_of(each.alert)
    while each.steps < len(policy.steps):
        step = policy.steps[each.steps]
        if now_ms - each.since_ms < step.after_ms:
            break
        each.steps += 1
        if SEVERITIES.index(each.alert.severity) >= SEVERITIES.index(step.severity):
            said += [notification(who, "escalation", group, lines, now_ms, each.steps) for who in step.notify]
            each.receivers = tuple(dict.fromkeys((*each.receivers, *step.notify)))
    if now_ms - each.told_ms >= policy.repeat_ms:
        each.told_ms = now_ms
        each.reminders += 1
        said += [notification(who, "reminder", group, lines, now_ms, each.reminders) for who in each.receivers]
    return said
