"""A receiver for each test that wants one."""

from __future__ import annotations

import pytest

from tests.alerts.receiver import Receiver
from tests.closes import Closes


@pytest.fixture
def receiver(closes: Closes) -> Receiver:
    return closes(Receiver())
