"""Two collectors on one broker: when the active one is killed, the other goes on with its alerts under their keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alerts.feeder import Feeder
from tests.alerts.kills import told_by, told_of, wanted_of
from tests.alerts.receiver import Receiver
from tests.alerts.street import street
from tests.servers import wait_for

pytestmark = [pytest.mark.real, pytest.mark.long]


def test_the_other_collector_tells_the_end_of_what_the_first_has_told(tmp_path: Path, receiver: Receiver) -> None:
    with street(tmp_path, receiver, "c1", "c2") as (broker, _, both):
        feeder = Feeder(broker.port, 6, (3.0, 9.0), (3.0, 12.0), seed=8)
        try:
            for turn in range(4):
                active, other = both[turn % 2], both[1 - turn % 2]
                if not active.running():
                    active.start()
                enough = 6 * (turn + 1)
                wait_for("some episodes", lambda enough=enough: len(told_by(receiver)) >= enough, 60)  # type: ignore[misc]
                other.start()
                wait_for("the other stands by", lambda o=other: "now standby" in o.log.read_text(), 30)  # type: ignore[misc]
                active.kill()
            feeder.calm = True
            wait_for("every batch acknowledged", lambda: feeder.idle, 60)
            wait_for("every episode told", lambda: wanted_of(feeder) <= told_of(feeder, receiver).keys(), 60)
            assert max(told_by(receiver).values()) <= 4  # once by each, and each may have died as it told
        finally:
            feeder.stop()
