"""Exit codes and the one kind of failure that a command shows: what was wrong, where, and the cure."""

from __future__ import annotations

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
    """What an error says, in words: `Connection refused` for `[Errno 111] Connection refused`."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Failure(Exception):
    """Ends a command with one clear line. `word` is a stable name for programs, such as `port-busy`."""

    def __init__(self, code: Exit, word: str, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.word = word
        self.cure = cure

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
