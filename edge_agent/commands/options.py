"""What is the same in every command of the agent's: the options, and where its files are."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from wire.exits import Failure

DEFAULT_CONFIG = Path("/etc/lamppost/agent.yaml")
CONFIG = typer.Option(DEFAULT_CONFIG, "--config", "-c", help="The settings file.", readable=False)
ALSO_CONFIG = typer.Option(None, "--config", "-c", help="The same, as other words take it.", readable=False)
JSON = typer.Option(False, "--json", help="Print JSON.")
STATUS_FILE = typer.Option(Path("/run/lamppost/status.json"), "--file", help="The agent's status file.", readable=False)
NAMES_STATUS_FILE = typer.Option(
    None, "--config", "-c", help="A settings file that names the status file.", readable=False
)


def say(text: str, as_json: bool, **facts: object) -> None:
    """What a command did: one line for people, or the same for programs, with what they may want to know of it."""
    if as_json:
        text = json.dumps({"schema": "lamppost.done/1", "said": text} | facts, ensure_ascii=False)
    typer.echo(text)


def status_file(file: Path, config: Path | None) -> Path:
    """The status file as given, or as a settings file names it: reading one costs a tenth of a second.

    Of settings that were broken by hand it is said so: an agent that runs goes on with what it had.
    """
    if config is None:
        return file
    from common.settings import load_settings
    from edge_agent.settings.config import SETTINGS_CURE, Config

    try:
        return load_settings(Config, config, SETTINGS_CURE).status_file
    except Failure as failure:
        if failure.word != "config-invalid":
            raise
        typer.echo(f"lamppost: {failure.line()}", err=True)
        return file
