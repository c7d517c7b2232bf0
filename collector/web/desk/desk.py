"""What the operators' pages work on: one file behind all of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from collector.web.desk.accounts import Accounts
from collector.web.desk.api_tokens import ApiTokens
from collector.web.desk.file import DeskFile
from collector.web.desk.reports import Reports


class Desk(NamedTuple):
    """Every part may be called from any thread."""

    file: DeskFile
    reports: Reports
    accounts: Accounts
    tokens: ApiTokens

    @classmethod
    def open(cls, path: Path) -> Desk:
        """The desk of this file. Raises Failure when it cannot be opened."""
        file = DeskFile(path)
        return cls(file, Reports(file), Accounts(file), ApiTokens(file))
