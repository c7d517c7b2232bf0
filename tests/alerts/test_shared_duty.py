"""Silences and acknowledgements on their way to the database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from collector.alerts.shared_duty import SharedDuty
from collector.rules.desk import Desk
from collector.rules.silence import Silence, matchers
from collector.stores.sqlite import Sqlite
from tests.closes import Closes

T0 = 1_790_000_000_000


@pytest.mark.parametrize("answer", [False, OSError("what nobody foresaw")])
def test_what_the_database_does_not_take_is_tried_again_and_not_at_every_step(
    tmp_path: Path, closes: Closes, answer: bool | OSError
) -> None:
    desk, tries = Desk(), list[Callable[[], Any]]()
    desk.silence(Silence.made(matchers("node=*"), T0, T0 + 60_000, "li", ""), T0)
    shared = SharedDuty(closes(Sqlite(tmp_path / "readings.db")))
    shared.note(desk, desk.names())

    def aside(work: Callable[[], Any]) -> Future[Any]:
        tries.append(work)
        done = Future[Any]()
        if isinstance(answer, OSError):
            done.set_exception(answer)
        else:
            done.set_result(answer)
        return done

    for step in range(20):
        with suppress(OSError):
            shared.step(aside, T0 + 500 * step)
    assert len(tries) == 2
