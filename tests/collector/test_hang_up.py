"""SIGHUP: files that can be used end the collector to begin anew, others change nothing; both are said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.collector.test_other_user import AS_ANOTHER
from tests.servers import free_port, wait_for
from tests.web.served import Served

RULE = """
- alert: pm25-high
  kind: air_quality
  window: {mean: pm25_ugm3, over: 10m}
  raise: "> 75"
  clear: "< 60"
  text: {zh: 高, en: high}
"""


def test_a_hang_up_ends_a_collector_only_for_files_that_can_be_used(tmp_path: Path) -> None:
    port, rules, log = free_port(), tmp_path / "rules.yaml", tmp_path / "log"
    settings, password = tmp_path / "collector.yaml", tmp_path / "password"
    rules.write_text(RULE)
    password.write_text("secret")
    broker = {"host": "127.0.0.1", "port": free_port(), "username": "collector", "password_file": str(password)}
    said = {
        "broker": broker, "rules": [str(rules)], "web": {"port": port},
        "store": {"kind": "sqlite", "path": str(tmp_path / "readings.db")}, "state_file": str(tmp_path / "state.db"),
    }  # fmt: skip
    settings.write_text(json.dumps(said))

    def up() -> bool:
        try:
            return Served.ask(port, "/api/v1/stations").status == 200
        except OSError:
            return False

    with log.open("w") as err:
        user = AS_ANOTHER if os.geteuid() == 0 else ()
        command = [*user, sys.executable, "-m", "lamppost", "collector", "run", "--quiet", str(settings)]
        process = subprocess.Popen(command, stderr=err)
    try:
        wait_for("the page", up, 30)
        rules.write_text(RULE.replace("alert:", "alarm:"))
        process.send_signal(signal.SIGHUP)
        wait_for("a word", lambda: "goes on with settings and rules as they were" in log.read_text(), 20)
        assert "rules.yaml" in log.read_text()
        rules.write_text(RULE)
        password.chmod(0)  # written anew by somebody else
        process.send_signal(signal.SIGHUP)
        wait_for("a word", lambda: "password may not be read" in log.read_text(), 20)
        assert up()
        password.chmod(0o600)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
        assert "ends, to be started anew" in log.read_text()
    finally:
        process.kill()
        process.wait()
