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
    "query": ("collector.query_cli", "Concentrations and indices of a station, with completeness and flags."),
    "calibrate": ("collector.calibrate_cli", "Corrections on record: fit, formula, apply, list."),
    "profiles": ("device_profiles.cli", "Sensor profiles: list, show, check, decode."),
    "demo": ("simulator.demo_cli", "Three lampposts, a broker, a collector and a page on this machine."),
}
EXTRAS = {"collector": "collector", "query": "collector", "calibrate": "collector", "demo": "simulator"}
OURS = frozenset(
    {"wire", "measures", "device_profiles", "edge_agent", "collector", "firmware_stubs", "simulator", "lamppost"}
)


def main() -> None:
    """Run the command line. Ends the process with one of the exit codes in `wire.exits`."""
    word = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    try:
        _build(word)(prog_name="lamppost", standalone_mode=True)
    except Failure as failure:
        _end(failure)
    except ModuleNotFoundError as error:
        _end(_missing(word, error))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def _build(word: str | None) -> typer.Typer:
    app = typer.Typer(
        help="Roadside sensing a city can trust.", no_args_is_help=True, add_completion=False, rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )  # fmt: skip
    for name, (module, help_text) in ROOMS.items():
        room = import_module(module).app if name == word else typer.Typer()
        app.add_typer(room, name=name, help=help_text)
    app.callback()(_version)
    return app


def _missing(word: str | None, error: ModuleNotFoundError) -> Failure:
    """A package that an extra brings, named; any other missing module is a fault of ours and shows as it is."""
    package = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(word or "")
    if extra is None or package in OURS:
        raise error
    text = f"lamppost {word} needs the package {package}, which is not installed"
    return Failure(Exit.CONFIGURATION, "extra-missing", text, f"pip install 'lamppost[{extra}]'")


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
