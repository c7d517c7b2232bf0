"""A settings file in the technician's own editor: a copy is opened, and what comes back is checked."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import typer

from edge_agent.settings.change import Change, planned
from wire.exits import Exit, Failure

EDITORS = ("nano", "vim", "vi")


def edited(file: Path, before: str) -> Change | None:
    """The change a person made; None when it cannot be used and they gave up. Comes back to the editor on mistakes."""
    from edge_agent.setup.questions import choose

    command = _editor()
    with tempfile.TemporaryDirectory(prefix="lamppost-") as folder:
        copy = Path(folder) / file.name
        copy.write_text(before, encoding="utf-8")
        while True:
            ended = subprocess.run([*command, str(copy)], check=False).returncode
            if ended != 0:
                raise Failure(Exit.USAGE, "editor-failed", f"{command[0]} ended with {ended}: nothing was changed")
            try:
                return planned(file, before, copy.read_text(encoding="utf-8"))
            except Failure as failure:
                typer.echo(str(failure))
            if choose("[e]dit again, or [q]uit and change nothing?", "eq", "e") == "q":
                return None


def _editor() -> list[str]:
    wanted = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if wanted:
        return shlex.split(wanted)
    for name in EDITORS:
        if shutil.which(name):
            return [name]
    raise Failure(
        Exit.CONFIGURATION, "no-editor", "no editor is installed", "EDITOR=... , or lamppost agent config set"
    )
