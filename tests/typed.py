"""A command as a person types it, and what it says. It runs in this process: to start one takes half a second."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest.mock import patch

import lamppost


def typed(*words: str, stdin: str = "") -> CompletedProcess[str]:
    """`lamppost WORDS`, to its end."""
    out, err = _page(), _page()
    with (
        patch.object(sys, "argv", ["lamppost", *words]),
        patch.object(sys, "stdin", _page(stdin)),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            lamppost.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    return CompletedProcess(words, code, _read(out), _read(err))


def _page(text: str = "") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", write_through=True)


def _read(page: io.TextIOWrapper) -> str:
    page.seek(0)
    return page.read()
