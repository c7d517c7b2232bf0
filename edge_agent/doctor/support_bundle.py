"""Everything the office needs to see what is wrong, and no secret: settings without passwords, doctor, status, log."""

from __future__ import annotations

import io
import json
import platform
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from edge_agent.doctor.result import Station
from edge_agent.doctor.run import CHECKS, examine
from wire.both import Both

LOG_LINES = 2000
SETTINGS = Both("settings, without passwords and keys", "配置，不含密码和密钥")
_SECRET = re.compile(  # a key with its value, wherever in the line: also in braces, in a comment, in an address
    r"""(?<![\w-])(?!key["']?\s*:\s*/)(?=[\w-]*(?:passw|passphrase|psk|token|secret|key|authorization|密码|口令|密钥))"""
    r"""([\w-]+(?<!_file)["']?\s*[:=：]\s*)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|.+)?""",
    re.I,
)
_IN_URL = re.compile(r"(\b\w+://)[^/\s]*@")
_PEM = re.compile(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.S)
_PEM_END = re.compile(r"-----END [^-]+-----")
_LONG = re.compile(r"(?<![\w/.-])[A-Za-z0-9+_-]{40,}={0,2}(?![\w/.-])")


class Part(NamedTuple):
    """One file of the bundle."""

    name: str
    text: str
    what: Both


def parts(config_file: Path) -> Iterator[Part]:
    """What the bundle holds. Each part is cleaned of secrets on its way in."""
    station = Station(config_file)
    results, took_s = examine(station, CHECKS)
    report = {"took_s": round(took_s, 1), "results": [result.as_json() for result in results]}
    yield _clean(
        "doctor.json", json.dumps(report, indent=1, ensure_ascii=False), Both("the doctor's report", "体检报告")
    )
    try:
        yield _clean("agent.yaml", config_file.read_text("utf-8", "replace"), SETTINGS)
    except OSError as error:
        why = Both("settings: could not be read", "配置：读不出来")
        if isinstance(error, PermissionError):
            why = Both("settings: the same with sudo packs them", "配置：加 sudo 重新运行才能打包")
        yield Part("agent.yaml", f"{config_file}: {error.strerror}\n", why)
    if station.settings is not None and station.settings.status_file.exists():
        said_last = Both("what the agent last said", "采集程序最近的状态")
        yield _clean("status.json", station.settings.status_file.read_text(encoding="utf-8"), said_last)
    from dataclasses import asdict

    from edge_agent.lines.ports import find_ports

    ports = [asdict(port) | {"state": port.state} for port in find_ports()]
    yield Part("ports.json", json.dumps(ports, indent=1), Both("serial ports", "串口"))
    yield Part("machine.txt", _machine(), Both("board, kernel, versions", "板子、内核、版本"))
    for name, command, what in (
        (
            "log.txt",
            ["journalctl", "-u", "lamppost-agent", "-n", str(LOG_LINES), "--no-pager"],
            Both(f"last {LOG_LINES} lines", f"最近 {LOG_LINES} 行日志"),
        ),
        (
            "unit.txt",
            ["systemctl", "status", "lamppost-agent", "--no-pager", "-n", "0"],
            Both("state of the service", "服务状态"),
        ),
    ):
        said = _said(command)
        if said:
            yield _clean(name, said, what)


def write(bundle: Path, content: list[Part]) -> None:
    """Write the bundle, readable by its owner only. Raises OSError."""
    with tarfile.open(bundle, "x:gz") as tar:
        bundle.chmod(0o600)
        for part in content:
            data = part.text.encode()
            entry = tarfile.TarInfo(f"{bundle.name.partition('.')[0]}/{part.name}")
            entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
            tar.addfile(entry, io.BytesIO(data))


def without_secrets(text: str) -> str:
    """`text` with values of secret keys, PEM blocks, passwords in addresses and long random words blotted out."""
    last = max((end.end() for end in _PEM_END.finditer(text)), default=0)  # behind it no block is whole: not looked for
    text = _PEM.sub("[removed]", text[:last]) + text[last:]
    text = _IN_URL.sub(r"\1[removed]@", text)
    return "\n".join(_LONG.sub("[removed]", line) for line in _without_values(text.splitlines())) + "\n"


def _without_values(lines: list[str]) -> Iterator[str]:
    """The lines without what stands behind secret keys; what is indented deeper than such a key is still its value."""
    indent: int | None = None
    for line in lines:
        begins = len(line) - len(line.lstrip())
        if indent is not None and (begins > indent or not line.strip()):
            continue
        found = _SECRET.search(line)
        indent = found.start() if found else None
        yield _SECRET.sub(r"\1[removed]", line)


def _clean(name: str, text: str, what: Both) -> Part:
    return Part(name, without_secrets(text), what)


def _machine() -> str:
    model = Path("/proc/device-tree/model")
    lines = [
        f"lamppost {version('lamppost')}",
        f"python {platform.python_version()}",
        " ".join(platform.uname()[i] for i in (0, 2, 4)),
        model.read_text(encoding="utf-8", errors="replace").strip("\0") if model.exists() else "no device tree",
    ]
    return "\n".join(lines) + "\n"


def _said(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        return subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
