"""`lamppost grafana`: dashboards that load without a click."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import typer

from collector.commands.options import DEFAULT_CONFIG, load_settings
from wire.exits import Exit, Failure

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _grafana() -> None:
    """Data source and dashboards for Grafana."""


@app.command()
def provision(
    influx: str = typer.Option("v1", "--influx", help="v1 (InfluxQL), v2 (InfluxQL, mapped bucket) or v3 (SQL)."),
    output: Path = typer.Option(..., "--output", "-o", help="Folder for the files; Grafana's own is shown below."),
    installed_at: Path | None = typer.Option(
        None, "--installed-at", help="Where the dashboards will lie on Grafana's machine, when that is another one."
    ),
    config: Path = typer.Option(
        DEFAULT_CONFIG, "--config", "-c", help="The collector's settings file, when there is one."
    ),
) -> None:
    """Write a data source and six dashboards for Grafana to load. City, station, air, traffic, fleet, alerts.

    Example:  lamppost grafana provision --influx v1 -o /etc/grafana/provisioning
    """
    from collector.config import Influx1Store, Influx2Store
    from collector.grafana.panel import Version
    from collector.grafana.provision import files

    version = next((one for one in get_args(Version) if one == influx), None)
    if version is None:
        raise Failure(Exit.USAGE, "version-unknown", f"--influx {influx}", "name one of v1, v2, v3")
    store = load_settings(config).store if config.exists() else None
    known = store if isinstance(store, Influx1Store | Influx2Store) else None
    written: list[Path] = []
    lies_at = installed_at or (output / "dashboards" / "lamppost").absolute()
    try:
        for name, text in files(version, known, str(lies_at)).items():
            path = output / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise Failure(Exit.NOT_PERMITTED, "folder-unwritable", f"{output}: {error.strerror}") from error
    for path in written:
        typer.echo(path)
