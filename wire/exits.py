"""Exit codes and the one kind of failure that a command shows: what was wrong, where, and the cure."""

from __future__ import annotations

import re
from enum import IntEnum


class Exit(IntEnum):
    """What a program may rely on. 0 fine; 1 ran, and the answer is "not healthy"."""

    FINE = 0
    NOT_HEALTHY = 1
    USAGE = 2
    CONFIGURATION = 3
    NOT_PERMITTED = 4
    DEVICE_OR_PORT = 5
    NETWORK = 6
    STORE = 7
    TIMED_OUT = 8
    INTERRUPTED = 130


def reason(error: BaseException) -> str:
    """Why something failed, without number and without the name again that the sentence around it says.

    `Connection refused` for `[Errno 111] Connection refused`.
    """
    text = re.sub(r"^.*\[(Errno -?\d+|SSL: [A-Z_0-9]+)\] ", "", str(error), flags=re.DOTALL)
    text = re.sub(r"^_ssl\.c:\d+: |\.? ?\(_ssl\.c:\d+\)$", "", text)
    if text == "wrong version number":
        return "what answers there speaks no TLS"
    return re.sub(r": '[^']*'$", "", text) or type(error).__name__


class Failure(Exception):
    """Ends a command with one clear line. `word` is a stable name for programs, such as `port-busy`."""

    def __init__(self, code: Exit, word: str, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.word = word
        self.cure = cure

    @classmethod
    def shut(cls, word: str, path: object) -> Failure:
        """This user may not read a file."""
        cure = "run this as the user of the service, or with sudo"
        return cls(Exit.NOT_PERMITTED, word, f"{path} may not be read by this user", cure)

    def line(self) -> str:
        """One line for people."""
        end = "" if str(self).endswith(("?", ".", "!")) else "."
        return f"{self}{end} Cure: {self.cure}" if self.cure else str(self)

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "schema": "lamppost.error/1",
            "code": self.word,
            "exit": int(self.code),
            "message": str(self),
            "cure": self.cure,
        }
