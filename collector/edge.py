"""One log line when something begins to fail, not one a try: what is tried every few seconds may fail all night."""

from __future__ import annotations

import logging


class Edge:
    """Logs what fails once, until it fails otherwise, or is over and fails again."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said = ""

    def fails(self, text: str) -> None:
        """A try has failed, with this reason."""
        if text != self._said:
            self._log.warning("%s", text)
        self._said = text

    def is_over(self) -> None:
        """A try has succeeded."""
        self._said = ""
