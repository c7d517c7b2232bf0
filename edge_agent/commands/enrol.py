"""`lamppost agent enrol`: make this device a station of a city."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from common.language import told
from edge_agent.commands.options import JSON
from wire.both import Both, zh
from wire.exits import Exit, Failure, of_file, reason

if TYPE_CHECKING:
    from edge_agent.identity.enrol import Enrolled

app = typer.Typer(
    short_help="Enrol with a one-time token, or by hand: request, show-qr, import, renew.", rich_markup_mode=None
)

FOLDER = typer.Option(Path("/etc/lamppost/identity"), "--folder", help="Where the identity is kept.")


@app.callback(invoke_without_command=True)
def enrol(
    context: typer.Context,
    token_file: Path | None = typer.Option(None, "--token-file", help="File with the one-time token; - reads stdin."),
    folder: Path = FOLDER,
    as_json: bool = JSON,
) -> None:
    """Enrol with a one-time token, or by hand. By hand: request, carry the file or the code to the office, import the
    answer.

    The token is never an argument: other users of the device could read it.

    Example:  lamppost agent enrol --token-file token.txt
    """
    if context.invoked_subcommand is not None:  # what was said before the word holds behind it
        context.default_map = {context.invoked_subcommand: {"folder": folder, "as_json": as_json}}
        return
    if token_file is None:
        cure = Both(
            "lamppost agent enrol --token-file FILE, or lamppost agent enrol request NODE",
            "lamppost agent enrol --token-file FILE，或 lamppost agent enrol request NODE",
        )
        raise Failure(Exit.USAGE, "no-token", Both("a token file is wanted", "需要令牌文件"), cure)
    from edge_agent.identity.enrol import by_token

    _tell(by_token(_text(token_file), folder), as_json)


@app.command()
def request(
    node: str = typer.Argument(..., help="The node's name."),
    out: Path | None = typer.Option(None, "--out", help="Write the request here instead of printing it."),
    folder: Path = FOLDER,
) -> None:
    """Make the key, and a request to carry to the office. Asking twice gives a request for the same key.

    Example:  lamppost agent enrol request lp-0017 --out lp-0017.csr
    """
    from edge_agent.identity.enrol import new_request

    made = new_request(node, folder).decode()
    if out is None:
        typer.echo(made, nl=False)
    else:
        try:
            out.write_text(made, encoding="utf-8")
        except OSError as error:
            raise Failure(Exit.NOT_PERMITTED, "file-not-written", of_file(out, error)) from error
        accept = f"lamppost stations accept {node} --request FILE"
        text = Both(
            f"{out}: take it to the office, where `{accept}` answers it",
            f"{out}：请交给管理中心，由那里执行 {accept}",
        )
        typer.echo(told(text))


@app.command("show-qr")
def show_qr(node: str = typer.Argument(..., help="The node's name."), folder: Path = FOLDER) -> None:
    """Show the request as a QR code in the terminal, for a phone to carry.

    Example:  lamppost agent enrol show-qr lp-0017
    """
    from edge_agent.identity.enrol import new_request

    try:
        import segno
    except ModuleNotFoundError as error:
        text = Both("QR codes need the package segno", "二维码需要 segno 软件包")
        raise Failure(Exit.CONFIGURATION, "extra-missing", text, "pip install segno") from error
    segno.make(new_request(node, folder).decode(), error="l", micro=False).terminal(out=sys.stdout, compact=True)
    accept = f"lamppost stations accept {node} --request FILE"
    text = Both(f"scan, and give the text to: {accept}", f"请扫码，把得到的文本交给：{accept}")
    typer.echo(told(text), err=True)


@app.command("import")
def import_answer(
    file: Path = typer.Argument(..., help="The office's answer; - reads stdin."),
    folder: Path = FOLDER,
    as_json: bool = JSON,
) -> None:
    """Take the office's answer to a request that was carried by hand.

    Example:  lamppost agent enrol import lp-0017.enrolment.json
    """
    from edge_agent.identity.enrol import take_answer

    _tell(take_answer(_text(file).encode(), folder), as_json)


@app.command()
def renew(folder: Path = FOLDER, as_json: bool = JSON) -> None:
    """Renew the certificate now. The agent does it by itself at two thirds of its life.

    Example:  lamppost agent enrol renew
    """
    from edge_agent.identity.enrol import renew as ask

    _tell(ask(folder), as_json)


def _text(file: Path) -> str:
    try:
        return sys.stdin.read(65_536) if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(
            Exit.NOT_PERMITTED, "file-unreadable", Both(f"{file}: {reason(error)}", f"{file}：{zh(reason(error))}")
        ) from error


def _tell(enrolled: Enrolled, as_json: bool) -> None:
    if as_json:
        facts: dict[str, object] = {"schema": "lamppost.enrolled/1", "node": enrolled.node, "expires": enrolled.expires}
        facts |= {"folder": str(enrolled.folder), "collector_keys": list(enrolled.collector_keys)}
        typer.echo(json.dumps(facts | {"broker": {"host": enrolled.broker_host, "port": enrolled.broker_port}}))
        return
    node, until = enrolled.node, enrolled.expires
    done = Both(
        f"{node} is enrolled until {until}; the agent renews that by itself.",
        f"{node} 已入网，有效期至 {until}；采集程序会自动续期。",
    )
    typer.echo(told(done))
    typer.echo(told(Both("agent.yaml wants:", "agent.yaml 中要写：")))
    typer.echo(
        f"  node: {node}\n  identity: {enrolled.folder}\n"
        f"  broker:\n    host: {enrolled.broker_host}\n    port: {enrolled.broker_port}"
    )
