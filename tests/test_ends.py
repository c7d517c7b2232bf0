"""How a command ends whatever it is given: a code that programs may rely on, and words for people."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import lamppost
from tests.servers import wait_for

PURGE = ["stations", "purge", "lp-0001"]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "lamppost", *words]


@pytest.mark.parametrize("words", [["alerts", "ack"], ["alerts", "list", "--nope"], ["alerts", "nope"]])
def test_a_program_is_told_of_words_that_cannot_be_placed(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lamppost", *words, "--json"])
    with pytest.raises(SystemExit) as ended:
        lamppost.main()
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (ended.value.code, told["code"], told["exit"]) == (2, "usage", 2)
    assert told["cure"].startswith("lamppost alerts")
    assert told["message"] in said.err


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs here, and would be asked")
@pytest.mark.parametrize("word", ["restart", "logs"])
def test_where_no_systemd_runs_the_service_is_told_so(word: str) -> None:
    done = subprocess.run(command("agent", "service", word), capture_output=True, check=False, text=True)
    said = "lamppost: no systemd runs here. Cure: lamppost agent status\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", said)


def test_a_closed_stdout_is_no_fault() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command("profiles", "list")], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_cannot_be_told_to_a_program_is_told_to_people() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("profiles", "list", "--json"), stdout=full, stderr=subprocess.PIPE, check=False, text=True
        )
    assert done.returncode == 4
    assert done.stderr.startswith("lamppost: the disk: No space left on device")


def test_a_question_that_nobody_answers_is_usage() -> None:
    done = subprocess.run(command(*PURGE), stdin=subprocess.DEVNULL, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout.strip()) == (2, "")
    assert "nobody is here to answer a question" in done.stderr


def test_ctrl_c_at_a_question_is_an_interruption() -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.execvp(sys.executable, command(*PURGE))
    said = b""
    while b"[y/N]" not in said:
        said += os.read(terminal, 1024)
    state = Path(f"/proc/{process}/stat")  # pressed before it waits, Python notes Ctrl-C and reads on
    wait_for("it to wait for the answer", lambda: state.read_text().rpartition(")")[2].split()[0] == "S")
    os.write(terminal, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 130
    os.close(terminal)
