"""A file that is not there is one line with its name and an exit code, whichever command is given it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import lamppost

COMMANDS = [
    "profiles check {gone}",
    "profiles decode nova-sds011 --file {gone}",
    "capture show {gone}",
    "capture slice {gone} --from 1 --to 2 -o {gone}.new",
    "capture play {gone}",
    "collector check {gone}",
    "collector run {gone}",
    "collector status {gone}",
    "collector database {gone}",
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
    "agent status -c {gone}",
    "agent status --file {gone}",
    "agent watch -c {gone}",
    "agent spool status -c {gone}",
    "agent enrol --token-file {gone} --folder {folder}",
    "agent enrol import {gone} --folder {folder}",
    "agent setup --from {gone} -c {folder}/agent.yaml",
    "sim run {gone}",
]


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
