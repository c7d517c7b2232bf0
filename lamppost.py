"""The command `lamppost`: finds the room that a word belongs to and imports that room only.

lamppost demo                    lamppost collector run FILE
lamppost agent status            lamppost profiles show NAME
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import NoReturn

import typer

from wire.exits import Exit, Failure

ROOMS = {
    "agent": ("edge_agent.cli", "The agent on a device: run, status, config."),
    "collector": ("collector.cli", "The collector: run, check."),
    "profiles": ("device_profiles.cli", "Sensor profiles: list, show, check, decode."),
    "demo": ("simulator.demo_cli", "Three lampposts, a broker, a collector and a page on this machine."),
}
EXTRAS = {"collector": "collector", "demo": "simulator"}


def main() -> None:
    """Run the command line. Ends the process with one of the exit codes in `wire.exits`."""
    word = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    try:
        _build(word)(prog_name="lamppost", standalone_mode=True)
    except Failure as failure:
        _end(failure)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def _build(word: str | None) -> typer.Typer:
    app = typer.Typer(
        help="Roadside sensing a city can trust.", no_args_is_help=True, add_completion=False, rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )  # fmt: skip
    for name, (module, help_text) in ROOMS.items():
        room = _room(name, module) if name == word else typer.Typer()
        app.add_typer(room, name=name, help=help_text)
    app.callback()(_version)
    return app


def _room(name: str, module: str) -> typer.Typer:
    try:
        room: typer.Typer = import_module(module).app
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(name)
        if extra is None or (error.name or "").partition(".")[0] in ("edge_agent", "collector", "simulator"):
            raise
        raise Failure(
            Exit.CONFIGURATION,
            "extra-missing",
            f"lamppost {name} needs the package {error.name}, which is not installed",
            f"pip install 'lamppost[{extra}]'",
        ) from error
    return room


def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True),
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("lamppost"))
        raise typer.Exit


def _end(failure: Failure) -> NoReturn:
    if "--json" in sys.argv:
        print(json.dumps(failure.as_json(), ensure_ascii=False))
    print(f"lamppost: {failure.line()}", file=sys.stderr)
    sys.exit(failure.code)


if __name__ == "__main__":
    main()
