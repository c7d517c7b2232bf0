"""`lamppost agent run`, `status`, `ready`: the agent itself, and what the file that it writes says of it."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from common.language import told
from edge_agent.commands.options import (
    ALSO_CONFIG,
    DEFAULT_CONFIG,
    JSON,
    NAMES_STATUS_FILE,
    STATUS_FILE,
    status_file,
)
from wire.both import Both, same, zh
from wire.exits import WITH_SUDO, Exit, Failure, reason


def run(
    config: Path = typer.Argument(DEFAULT_CONFIG, help="The settings file."),
    named: Path | None = ALSO_CONFIG,
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Log only what is wrong."),
) -> None:
    """Read the sensors and send, until SIGTERM or Ctrl-C. SIGHUP: begin anew with the settings as they stand now.

    Example:  lamppost agent run /etc/lamppost/agent.yaml
    """
    from common import loglines
    from edge_agent.program import Program

    loglines.begin(quiet)
    Program(named or config).run()


def status(
    file: Path = STATUS_FILE,
    config: Path | None = NAMES_STATUS_FILE,
    as_json: bool = JSON,
) -> None:
    """One screen: the station, its sensors, the broker, the spool. Exit code 1 when something needs a hand.

    Example:  lamppost agent status
    """
    file = status_file(file, config)
    try:
        said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        cure = Both(
            "sudo systemctl start lamppost-agent, or name its file with --file",
            "sudo systemctl start lamppost-agent，或用 --file 指定它的文件",
        )
        with suppress(PermissionError):  # then there is a folder of the service's, and settings most likely
            if not (config or DEFAULT_CONFIG).exists():
                cure = Both(
                    "sudo lamppost agent setup, or name the agent's file with --file",
                    "sudo lamppost agent setup，或用 --file 指定采集程序的文件",
                )
        text = Both(f"no agent has written {file}", f"采集程序没有写过 {file}")
        raise Failure(Exit.NOT_HEALTHY, "agent-not-running", text, cure) from error
    except (OSError, ValueError) as error:
        cure = WITH_SUDO if isinstance(error, PermissionError) else same("")
        text = Both(f"{file}: {reason(error)}", f"{file}：{zh(reason(error))}")
        raise Failure(Exit.NOT_PERMITTED, "status-unreadable", text, cure) from error
    if as_json:
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        from edge_agent.screens.status import screen

        typer.echo(told(screen(said, time.time() * 1000)))
    from edge_agent.screens.status import troubles

    raise typer.Exit(Exit.NOT_HEALTHY if troubles(said, time.time() * 1000) else Exit.FINE)


def ready(
    file: Path = STATUS_FILE,
    config: Path | None = NAMES_STATUS_FILE,
) -> None:
    """Exit code 0 when every sensor is heard and readings go out; 1 when not. Prints nothing.

    Example:  until lamppost agent ready; do sleep 1; done
    """
    from edge_agent.screens.status import troubles

    file = status_file(file, config)
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise typer.Exit(Exit.NOT_HEALTHY) from None
    raise typer.Exit(Exit.NOT_HEALTHY if troubles(said, time.time() * 1000) else Exit.FINE)
