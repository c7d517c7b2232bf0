"""What the desk gives out to be saved is all there is to it: one restored from it goes on as if nothing had been."""

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.rules.desk import Desk
from collector.rules.policy import Policy, Step
from collector.rules.silence import Silence, matchers
from tests.rules.transitions import HIGH, LOST, SILENT, T0, firing, resolved, series
from wire.times import HOUR_MS, MINUTE_MS

POLICY = Policy(receivers=("bureau", "duty"), repeat_ms=HOUR_MS, steps=(Step(10 * MINUTE_MS, ("duty",), "info"),))
ALERTS = ((HIGH, series()), (SILENT, series("lp-1", "air-2")), (LOST, series("lp-1", None, "node_health")))
MOVES = st.lists(
    st.tuples(
        st.sampled_from(("fire", "fire", "resolve", "reopen", "ack", "unack", "silence", "once", "unsilence", "wait")),
        st.integers(0, len(ALERTS) - 1),
        st.sampled_from((0, 1, 4, 20, 90)),
    ),
    max_size=25,
)


def told(desk, now_ms):
    """What a desk says now; alerts of one moment have no order."""
    said = desk.tick(now_ms)
    return sorted((n.receiver, n.what, n.order, sorted((line.state, line.alert.key) for line in n.lines)) for n in said)


class Life:
    """A desk, and what was saved of it."""

    def __init__(self):
        self.desk, self.minute, self.saved = Desk(POLICY), 0, {"quiet": {}}
        self.starts = [T0] * len(ALERTS)

    def move(self, what, which, minutes):
        self.minute += minutes
        now, (by, of) = T0 + self.minute * MINUTE_MS, ALERTS[which]
        if what == "fire":
            self.starts[which] = now
        begun, ended = (made(self.minute, by, of, self.starts[which]) for made in (firing, resolved))
        said = {"fire": [begun], "reopen": [replace(begun, reason="corrected")], "resolve": [ended]}
        self.desk.hear(said.get(what, ()), now)
        if what == "ack":
            self.desk.acknowledge(begun.fingerprint, "w", "", now + HOUR_MS, now)
        elif what == "unack":
            self.desk.unacknowledge(begun.fingerprint, "w", now)
        elif what in ("silence", "once"):
            self.desk.silence(
                Silence.made(matchers(f"rule={by.alert}"), now, now + HOUR_MS, "w", "", what == "once"), now
            )
        elif what == "unsilence":
            self.desk.unsilence(next((each.name for each in self.desk.silences), ""), "w", now)
        self.desk.tick(now)
        for name, each in json.loads(json.dumps(self.desk.changes())).items():
            self.saved[name] = each

    def restored(self):
        return Desk.restore(POLICY, json.loads(json.dumps(self.saved)))


@settings(max_examples=150, deadline=None)
@given(MOVES)
def test_what_is_saved_piece_by_piece_is_the_whole_desk_and_goes_on_as_it_would_have(moves):
    life = Life()
    for move in moves:
        life.move(*move)
    now = T0 + life.minute * MINUTE_MS
    kept = {name: each for name, each in life.saved.items() if each is not None}
    kept["quiet"] = {group: quiet for group, quiet in kept["quiet"].items() if quiet[0] > now}  # the rest is over
    again = life.restored()
    assert kept == json.loads(json.dumps(life.desk.packed()))
    for minutes in (0, 3, 30, 200):
        later = now + minutes * MINUTE_MS
        assert told(again, later) == told(life.desk, later), f"{minutes} minutes later"


def test_who_has_an_alert_still_has_it_when_late_readings_open_it_again():
    life = Life()
    for move in (("fire", 0, 0), ("ack", 0, 1), ("resolve", 0, 1), ("reopen", 0, 20)):
        life.move(*move)
    (standing,) = life.restored().standings.values()
    assert standing.ack is not None
    assert standing.ack.who == "w"
