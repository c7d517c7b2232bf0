"""A file that is not there is one line with its name and an exit code, whichever command is given it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import lamppost
from wire.exits import reason

COMMANDS = [
    "profiles check {gone}",
    "profiles decode nova-sds011 --file {gone}",
    "capture show {gone}",
    "capture slice {gone} --from 1 --to 2 -o {gone}.new",
    "capture play {gone}",
    "collector check {gone}",
    "collector run {gone}",
    "collector run --config {gone}",
    "collector status {gone}",
    "collector database {gone}",
    "collector database -c {gone}",
    "rules check {gone}",
    "rules test {gone}",
    "rules test --rules {gone}",
    "alerts list -c {gone}",
    "backfill {gone} -c {settings}",
    "calibrate fit {gone} --node lp-1 --sensor air-1 --quantity pm25_ugm3 --from 2026-03-01 -c {settings}",
    "stations accept lp-1 --request {gone} -c {settings}",
    "stations config check lp-1 {gone} -c {settings}",
    "stations config apply lp-1 {gone} -c {settings}",
    "agent config check {gone}",
    "agent config get -c {gone}",
    "agent config diff {gone} -c {gone}",
    "agent run {gone}",
    "agent run --config {gone}",
    "agent status -c {gone}",
    "agent status --file {gone}",
    "agent watch -c {gone}",
    "agent spool status -c {gone}",
    "agent enrol --token-file {gone} --folder {folder}",
    "agent enrol import {gone} --folder {folder}",
    "agent setup --from {gone} -c {folder}/agent.yaml",
    "sim run {gone}",
]


@pytest.mark.parametrize(
    ("number", "cure"), [(errno.EACCES, "the same with sudo"), (errno.EROFS, "failing?"), (errno.ENOSPC, "make room")]
)
def test_what_a_disk_refuses_is_one_line_with_its_cure(
    number: int, cure: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A forgotten sudo before all: a technician is an ordinary user."""
    refused = OSError(number, os.strerror(number), "/etc/lamppost/agent.yaml")
    monkeypatch.setattr(Path, "exists", lambda _: raised(refused))
    monkeypatch.setattr(sys, "argv", ["lamppost", "agent", "config", "undo"])
    with pytest.raises(SystemExit) as ended:
        lamppost.main()
    assert ended.value.code == 4
    said = capsys.readouterr().err
    assert said.startswith(f"lamppost: /etc/lamppost/agent.yaml: {os.strerror(number)}")
    assert cure in said


def test_who_has_no_settings_where_they_are_looked_for_hears_how_to_name_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cure wrote a sample into the folder one was in, and led back to the same words."""
    monkeypatch.setattr(sys, "argv", ["lamppost", "alerts", "-c", str(tmp_path / "gone.yaml")])
    with pytest.raises(SystemExit):
        lamppost.main()
    said = capsys.readouterr().err
    assert f"{tmp_path / 'gone.yaml'} does not exist. Cure: name yours with -c FILE" in said
    assert "sudo lamppost collector init" in said


def raised(error: OSError) -> bool:
    raise error


@pytest.mark.parametrize("encoding", ["gbk", "latin-1", "ascii"])
def test_a_terminal_that_lacks_a_letter_shows_the_rest(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lamppost", "profiles", "show", "plantower-pms5003"],
        capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Plantower PMS5003" in done.stdout.decode(encoding)


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    """Of Parquet's the extra was named that everybody has who can export at all; of all, where nothing of ours is."""
    for word, package, extra in (
        ("export", "pyarrow", "parquet"),
        ("export", "influxdb_client", "collector"),
        ("bench", "urllib3", "collector"),
    ):
        missing = ModuleNotFoundError(f"No module named {package!r}", name=f"{package}.sub")
        cure = lamppost._missing(word, missing).cure
        assert cure == f"in the sources of this version: {sys.prefix}/bin/pip install '.[{extra}]'"


def test_a_station_that_lacks_a_package_names_no_pip_for_its_own_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.extras.find_spec", lambda _: None)
    missing = ModuleNotFoundError("No module named 'msgspec'", name="msgspec")
    assert lamppost._missing("collector", missing).cure.endswith("use the server's, docs/install.md")


def test_a_fault_of_ours_still_shows_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: raised(OSError(errno.ELOOP, "?")))
    monkeypatch.setattr(sys, "argv", ["lamppost", "agent", "config", "undo"])
    with pytest.raises(OSError, match="40"):
        lamppost.main()


@pytest.mark.parametrize(
    "line",
    ["profiles list --folder {folder}", "agent probe /dev/null --profiles {folder}", "agent watch -c {settings}"],
)
def test_a_profile_of_ones_own_that_cannot_be_used_is_named_with_its_line(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, settings = tmp_path / "acme-dust1.yaml", tmp_path / "settings/agent.yaml"
    wrong.write_text("profile: acme-dust1\nversoin: 1\n")
    settings.parent.mkdir()
    settings.write_text(
        f"node: lp-1\nsite: here\nprofiles: {tmp_path}\nstatus_file: {tmp_path / 'status.json'}\n"
        "sensors:\n  - {name: air-1, profile: acme-dust1, port: /dev/null}\n"
    )
    monkeypatch.setattr(sys, "argv", ["lamppost", *line.format(folder=tmp_path, settings=settings).split()])
    with pytest.raises(SystemExit) as ended:
        lamppost.main()
    assert ended.value.code == 3
    assert f"{wrong}:2: versoin: unknown key 'versoin'" in capsys.readouterr().err


@pytest.mark.parametrize("line", COMMANDS)
def test_a_missing_file_is_named_in_one_line(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "collector.yaml"
    settings.write_text(
        f"store: {{kind: sqlite, path: {tmp_path / 'readings.db'}}}\nstate_file: {tmp_path / 'collector.db'}\n"
    )
    gone = str(tmp_path / "gone.yaml")
    words = line.format(gone=gone, settings=settings, folder=tmp_path).split()
    monkeypatch.setattr(sys, "argv", ["lamppost", *words])
    with pytest.raises(SystemExit) as ended:
        lamppost.main()
    told = capsys.readouterr()
    assert ended.value.code not in (0, None)
    said = [part for part in told.err.splitlines() + told.out.splitlines() if gone in part]
    assert said, told
    if line.startswith("agent ") and "-c {gone}" in line and "setup" not in line and "diff" not in line:
        assert "sudo lamppost agent setup" in told.err


def test_a_device_without_settings_is_sent_to_the_set_up_by_its_status_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge_agent.commands.status.DEFAULT_CONFIG", tmp_path / "agent.yaml")
    monkeypatch.setattr(sys, "argv", ["lamppost", "agent", "status", "--file", str(tmp_path / "status.json")])
    for there, cure in ((False, "sudo lamppost agent setup"), (True, "sudo systemctl start lamppost-agent")):
        if there:
            (tmp_path / "agent.yaml").touch()
        with pytest.raises(SystemExit):
            lamppost.main()
        assert f"Cure: {cure}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError("[Errno 2] could not open port /d: [Errno 2] No such file or directory: '/d'"),
         "No such file or directory"),
        (OSError("[Errno -2] Name or service not known"), "Name or service not known"),
        (TimeoutError("Operation timed out"), "Operation timed out"),
        (OSError("_ssl.c:989: The handshake operation timed out"), "The handshake operation timed out"),
        (OSError("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"), "what answers there speaks no TLS"),
        (OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not "
                 "valid for 'b.city'. (_ssl.c:1006)"),
         "certificate verify failed: Hostname mismatch, certificate is not valid for 'b.city'"),
    ],
)  # fmt: skip
def test_a_reason_is_told_without_number_and_once(raw: OSError, said: str) -> None:
    assert reason(raw) == said
