"""A text in pieces: services take so much at a time, a robot of WeCom 2,048 bytes, and refuse what is longer. Pure."""

from __future__ import annotations

from collections.abc import Iterator


def pieces(text: str, most: int) -> Iterator[str]:
    """The text in pieces of at most `most` bytes of UTF-8, parted between lines; a line that is longer, within."""
    piece = b""
    for line in _lines(text, most):
        if piece and len(piece) + 1 + len(line) > most:
            yield piece.decode()
            piece = line
        else:
            piece = piece + b"\n" + line if piece else line
    if piece:
        yield piece.decode()


def _lines(text: str, most: int) -> Iterator[bytes]:
    for line in text.encode().split(b"\n"):
        while len(line) > most:
            head = line[:most].decode(errors="ignore").encode()  # no half of a character
            yield head
            line = line[len(head) :]
        yield line
