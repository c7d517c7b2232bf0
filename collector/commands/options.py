"""Options that are the same in every command of the collector's."""

from __future__ import annotations

import typer

from collector.cli import DEFAULT_CONFIG

CONFIG = typer.Option(DEFAULT_CONFIG, "--config", "-c", help="The collector's settings file.")
JSON = typer.Option(False, "--json", help="Print JSON.")
