"""What the operators' pages work on: one file behind all of it, and the duty desk."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from collector.web.desk.accounts import Accounts
from collector.web.desk.api_tokens import ApiTokens
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports
from collector.web.duty import Duty


class Desk(NamedTuple):
    """Every part may be called from any thread."""

    file: DeskFile
    duty: Duty
    reports: Reports
    accounts: Accounts
    tokens: ApiTokens

    @classmethod
    def open(cls, path: Path, duty: Duty) -> Desk:
        """The desk of this file. Raises Failure when it cannot be opened."""
        file = DeskFile(path)
        return cls(file, duty, Reports(file), Accounts(file), ApiTokens(file))
