"""What is the same in every command of the agent's: the options, and where its files are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from common.language import told
from wire.both import Both
from wire.exits import CORRECT_LINES, Exit, Failure

if TYPE_CHECKING:  # pydantic and YAML cost a second on a small device: imported when a command needs them
    from device_profiles.catalogue import Catalogue
    from device_profiles.profile import Profile

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
    typer.echo(told(text))


def models(folder: Path | None) -> Catalogue:
    """The sensor models that are known, with those of a folder of one's own. Raises Failure."""
    from common.strict_yaml import NotUsable
    from device_profiles.catalogue import load

    if folder is not None and not folder.is_dir():
        text = Both(f"{folder} is no folder", f"{folder} 不是目录")
        cure = Both("name the folder that holds your NAME.yaml", "请写明存放 NAME.yaml 的目录")
        raise Failure(Exit.USAGE, "profiles-missing", text, cure)
    try:
        return load(folder)
    except NotUsable as error:
        raise Failure(Exit.CONFIGURATION, "profile-unusable", str(error), "call it so, or put it elsewhere") from error


def model(name: str, folder: Path | None) -> Profile:
    """The profile of that name. Raises Failure."""
    from common.strict_yaml import NotUsable
    from device_profiles.catalogue import UnknownProfile

    try:
        return models(folder).get(name)
    except UnknownProfile as error:
        cure = "lamppost profiles list; one of your own: --profiles FOLDER"
        raise Failure(Exit.USAGE, "profile-unknown", str(error), cure) from error
    except NotUsable as error:
        raise Failure(Exit.CONFIGURATION, "profile-unusable", str(error), CORRECT_LINES) from error


def with_options(profile: Profile, said: list[str]) -> Profile:
    """The profile of a unit whose options were given as name=value. Raises Failure."""
    values: dict[str, int | float | str | bool] = {}
    for text in said:
        name, _, value = text.partition("=")
        known = profile.options_of_units.get(name)
        values[name] = int(value) if value.isdecimal() and known and isinstance(known.default, int) else value
    try:
        return profile.with_options(values)
    except ValueError as error:
        raise Failure(Exit.USAGE, "bad-argument", str(error)) from error


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
        typer.echo(f"lamppost: {told(failure.line())}", err=True)
        return file
