"""Log lines: one event, one line, whatever a stranger has put into it.

Control characters would let a sender forge lines of others or speak to a terminal; they are shown as what they are.
"""

from __future__ import annotations

import logging
import re

LINE_MAX = 2048
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MORE = " ..."


def begin(quiet: bool) -> None:
    """Log to stderr from now on: all that is of interest, or only what is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[handler])


class OneLine(logging.Formatter):
    """Everything of a record in one printable line of bounded length, a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


def one_line(text: str) -> str:
    """The text with control characters written out, at most LINE_MAX bytes of UTF-8."""
    text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], text[: 2 * LINE_MAX])
    data = text.encode()
    if len(data) <= LINE_MAX:
        return text
    return data[: LINE_MAX - len(_MORE)].decode(errors="ignore") + _MORE
