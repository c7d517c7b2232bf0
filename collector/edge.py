"""The edge of a failure goes into the log, not its level: what is tried every few seconds may fail for a night."""

from __future__ import annotations

import logging


class Edge:
    """Logs what fails once, until it fails otherwise, or is over and fails again."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said = ""

    def fails(self, text: str) -> None:
        """It was tried in vain."""
        if text != self._said:
            self._log.warning("%s", text)
        self._said = text

    def is_over(self) -> None:
        """It was not."""
        self._said = ""
