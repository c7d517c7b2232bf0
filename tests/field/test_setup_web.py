"""Setting up by phone: the server, and the whole way from a code to a reading that was read back."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from edge_agent.setup.answers import SensorAnswer
from edge_agent.setup_web import page
from edge_agent.setup_web.guard import OPEN_S, Guard
from edge_agent.setup_web.live import Live, Row
from edge_agent.setup_web.server import AT_ONCE
from edge_agent.setup_web.setup_page import SetupPage
from edge_agent.setup_web.texts import Words
from firmware_stubs.models import MODELS
from firmware_stubs.pty import StubHost
from tests.field.conftest import WORLD, Field
from tests.field.filled import FILLED, SENSOR
from tests.servers import free_port, wait_for
from tests.web.conftest import CHROMIUM, FLAGS
from wire.exits import Exit, Failure

EN = Words("en")


class Phone:
    """A browser with one jar for its cookie."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def ask(self, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            body = urlencode(form) if form is not None else None
            sent = {"Cookie": self.cookie, "Accept-Language": "en"} | headers
            link.request("POST" if form is not None else "GET", path, body, sent)
            answer = link.getresponse()
            said = answer.read().decode()
            self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
            return answer.status, said
        finally:
            link.close()

    def key(self) -> str:
        found = re.search(r'name="key" value="(\w+)"', self.ask("/")[1])
        assert found is not None
        return found[1]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SetupPage, Phone]]:
    monkeypatch.setattr("edge_agent.setup_web.server.WRONG_CODE_S", 0.0)
    setup = SetupPage(("127.0.0.1", 0), Live(list), {"node": "lp-1"}, Guard(time.monotonic(), "123456"))
    yield setup, Phone(setup.port)
    setup.close()


def test_without_the_code_nothing_is_shown(opened: tuple[SetupPage, Phone]) -> None:
    _, phone = opened
    assert 'name="code"' in phone.ask("/")[1]
    assert 'name="code"' in phone.ask("/live")[1]
    for path in ("/start", "/again"):
        assert phone.ask(path, {"key": "x"})[0] == 403
    assert phone.ask("/enter", {"code": "999999"}) == (303, "")
    for _ in range(2):  # a page that is loaded anew sends no code again
        assert "4 tries left" in phone.ask("/")[1]
    assert phone.ask("/enter", {"code": "123 456"})[0] == 303
    assert 'name="node" value="lp-1"' in phone.ask("/")[1]
    other = Phone(phone.port)
    assert other.ask("/enter", {"code": "123456"})[0] == 303
    status, said = other.ask("/")
    assert status == 403
    assert "Another phone" in said


def test_strangers_who_never_finish_their_question_keep_nobody_out(opened: tuple[SetupPage, Phone]) -> None:
    """They took every place, and a letter every nine seconds kept it."""
    setup, phone = opened
    slow = [socket.create_connection(("127.0.0.1", setup.port), timeout=10) for _ in range(2 * AT_ONCE)]
    try:
        for one in slow:
            with suppress(OSError):  # it has made room
                one.sendall(b"GET / HT")
        assert phone.ask("/")[0] == 200
        assert slow[0].recv(1) == b""
    finally:
        for one in slow:
            one.close()


def test_forms_of_other_pages_and_names_of_others_are_refused(opened: tuple[SetupPage, Phone]) -> None:
    _, phone = opened
    assert phone.ask("/", None, Host="evil.example")[0] == 403
    assert phone.ask("/enter", {"code": "123456"}, Origin="http://evil.example")[0] == 403
    assert phone.ask("/enter", {"code": "123456"})[0] == 303
    assert phone.ask("/start", FILLED | {"key": "0" * 32})[0] == 403
    assert phone.ask("/start", {"key": phone.key(), "node": "x" * 20_000})[0] == 413
    assert phone.ask("/etc/passwd")[0] == 404


class Ports(Live):
    """What a search has found already, without ports."""

    def __init__(self, *rows: Row) -> None:
        super().__init__(list)
        self._rows = rows
        self.starts = 0

    def start(self) -> None:
        self.starts += 1

    def rows(self) -> list[Row]:
        return list(self._rows)


@pytest.fixture
def filling(opened: tuple[SetupPage, Phone]) -> Iterator[tuple[SetupPage, Phone, Ports]]:
    """A phone that is in, and a program that waits for its answers."""
    setup, phone = opened
    setup.live = ports = Ports(
        Row("/dev/a", "air-1", "plantower-pms5003"), Row("/dev/b", known=("agd-315", "mph-radar"))
    )

    def wait() -> None:
        with suppress(Failure):  # the end of time, where nobody answers
            setup.answers()

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_for("the form", lambda: setup.phase == "form")
    phone.ask("/enter", {"code": "123456"})
    yield setup, phone, ports
    setup.guard.busy, setup.guard.until_s = False, 0.0
    waiting.join()


Filling = tuple[SetupPage, Phone, Ports]


def test_a_second_tap_and_the_back_button_lead_to_the_proof(filling: Filling) -> None:
    setup, phone, ports = filling
    filled = FILLED | {"key": phone.key(), "pick /dev/b": ""}
    for _ in range(2):
        assert phone.ask("/start", filled)[0] == 303
        assert "Proving" in phone.ask("/")[1]
    assert phone.ask("/again", {"key": filled["key"]})[0] == 303  # of a page that the phone has kept
    assert ports.starts == 1, "the ports are the proof's now"
    assert setup.phase == "proof"


def test_a_search_is_not_begun_twice_and_nobody_starts_before_its_end(filling: Filling) -> None:
    setup, phone, ports = filling
    key = phone.key()
    phone.ask("/again", {"key": key})
    assert ports.starts == 2
    ports.searching = True
    phone.ask("/again", {"key": key})
    assert ports.starts == 2
    phone.ask("/start", FILLED | {"key": key})
    assert "still being searched" in phone.ask("/")[1]
    assert setup.phase == "form"


def test_a_model_may_be_chosen_where_none_was_recognised(filling: Filling) -> None:
    setup, phone, _ = filling
    said = phone.ask("/")[1]
    assert 'name="pick /dev/b"' in said
    assert 'name="pick /dev/a"' not in said
    assert "<option>mph-radar</option>" in said
    phone.ask("/start", FILLED | {"key": phone.key()})  # of a page that was there before the search was over
    assert "choose its model below" in phone.ask("/")[1]
    assert setup.phase == "form"
    phone.ask("/start", FILLED | {"key": phone.key(), "pick /dev/b": "mph-radar", "pick /dev/a": "agd-315"})
    assert setup._answers is not None
    assert setup._answers.sensors == [SENSOR, SensorAnswer(name="radar-1", profile="mph-radar", port="/dev/b")]


def test_answers_that_cannot_be_used_cost_no_second_search(opened: tuple[SetupPage, Phone]) -> None:
    setup, phone = opened
    setup.live = ports = Ports(Row("/dev/a", "air-1", "plantower-pms5003"))
    refused = Failure(Exit.NOT_PERMITTED, "token-refused", "the token is not good for this node", "another")
    given: list[str | None] = []

    def take() -> None:
        given.append(setup.answers().token)
        given.append(setup.answers(refused).token)

    waiting = threading.Thread(target=take)
    waiting.start()
    phone.ask("/enter", {"code": "123456"})
    for token in ("old", "new"):
        wait_for("the form", lambda: setup.phase == "form")
        phone.ask("/start", {"key": phone.key(), "site": "here", "token": token})
        if token == "old":
            wait_for("the reason", lambda: setup.trouble is not None)
            assert "令牌已用过" in phone.ask("/?lang=zh")[1]
            assert refused.line() in unescape(phone.ask("/?lang=zh")[1])
    waiting.join()
    assert given == ["old", "new"]
    assert ports.starts == 1


def test_a_cable_that_is_put_back_goes_on_by_itself(tmp_path: Path) -> None:
    stubs = StubHost(links=tmp_path)
    port = stubs.add("air", MODELS["plantower-pms5003"](lambda _: WORLD))
    stubs.start()
    live = Live(lambda: [port])
    live.start()

    def said(text: str) -> bool:
        return any(text in page.live_page(Words("zh"), [row], False, None) for row in live.rows())

    try:
        wait_for("a value", lambda: said("PM2.5 35") and said("正常"), 20)
        stubs.remove("air")
        wait_for("the loss", lambda: said("拔掉了"))
        stubs.add("air", MODELS["plantower-pms5003"](lambda _: WORLD))
        wait_for("its return", lambda: said("正常") and not said("拔掉了"))
    finally:
        live.stop()
        stubs.stop()


def test_a_proof_that_began_in_time_is_seen_to_its_end(filling: Filling) -> None:
    setup, phone, _ = filling
    phone.ask("/start", FILLED | {"key": phone.key(), "pick /dev/b": ""})
    setup.guard.until_s = time.monotonic()
    setup.say("air-1 read back")
    assert "air-1 read back" in phone.ask("/")[1]


def test_a_page_that_nobody_uses_ends(opened: tuple[SetupPage, Phone]) -> None:
    setup, phone = opened
    setup.guard.until_s = time.monotonic()
    with pytest.raises(Failure, match="has ended"):
        setup.answers()
    assert "has ended" in phone.ask("/")[1]


@pytest.mark.real
def test_a_real_browser_comes_in_and_reads_both_languages(opened: tuple[SetupPage, Phone]) -> None:
    """What a browser adds by itself (Origin, cookies, the policy) must not keep a person out."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    setup, _ = opened
    adapter = "usb-Silicon_Labs_CP2102_USB_to_UART_Bridge_Controller_0001-if00-port0"
    setup.live = ports = Ports(
        Row("/dev/a", "air-1", "nova-sds011"), Row(f"/dev/serial/by-id/{adapter}", known=("mph-radar",))
    )
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        context = chromium.new_context(viewport={"width": 320, "height": 568}, locale="zh-CN")
        phone = context.new_page()
        complaints: list[str] = []
        phone.on("console", lambda said: complaints.append(said.text))
        phone.goto(f"http://127.0.0.1:{setup.port}/")
        phone.fill("input[name=code]", "000000")
        phone.keyboard.press("Enter")
        phone.wait_for_selector("text=还可再试 4 次")
        phone.reload()
        assert "还可再试 4 次" in phone.inner_text("main")
        phone.fill("input[name=code]", "123456")
        phone.click("button")
        phone.fill("input[name=site]", "Hier")
        phone.click("button.plain")
        wait_for("a second search", lambda: ports.starts == 1)
        assert phone.input_value("input[name=site]") == "Hier"  # nothing has to be typed twice
        (cookie,) = context.cookies()
        assert cookie["expires"] > time.time() + OPEN_S  # a browser closed by mistake is let in again
        phone.click("button:not(.plain)")
        phone.wait_for_selector("text=小写字母、数字和连字符")
        assert phone.evaluate("document.activeElement.name") == "broker"  # the first that is wanted, in sight
        assert phone.evaluate("document.activeElement.getBoundingClientRect().bottom <= innerHeight")
        phone.click("a.lang")
        phone.wait_for_selector("text=small letters, digits and hyphens")
        assert phone.evaluate("document.documentElement.scrollWidth") == 320
        found = Axe().run(phone)
        assert found.violations_count == 0, found.generate_report()
        chromium.close()
    assert complaints == []


@pytest.mark.real
def test_from_the_code_to_a_reading_that_was_read_back(field: Field) -> None:
    field.broker.start()
    field.stubs.add("air", MODELS["plantower-pms5003"](lambda _: WORLD))
    field.stubs.start()
    field.collector.start()
    config, port = field.folder / "etc/agent.yaml", free_port()
    elsewhere = f"spool: {{path: {field.folder}/spool.db, allow_tmpfs: true}}\nstatus_file: {field.folder}/status.json"
    program = (
        "import edge_agent.setup.settings_text as s; made = s.settings_text\n"
        f"s.settings_text = lambda *words: made(*words) + {elsewhere!r} + chr(10)\n"
        "import lamppost; lamppost.main()"
    )  # a test may not write where a real station keeps its readings
    command = [sys.executable, "-c", program, "agent", "setup", "--web", "--listen", f"127.0.0.1:{port}"]
    command += ["--config", str(config), "--port", str(field.ports / "air"), "--proof-seconds", "60"]
    wizard = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert wizard.stdout is not None
    shown: list[str] = []
    reader = threading.Thread(target=lambda: shown.extend(wizard.stdout or []), daemon=True)
    reader.start()
    try:
        wait_for("the code", lambda: any(line.startswith("code:") for line in shown), 20)
        assert f"ssh -L {port}:127.0.0.1:{port}" in "".join(shown)
        phone = Phone(port)
        code = next(line for line in shown if line.startswith("code:"))
        assert phone.ask("/enter", {"code": code[15:22]})[0] == 303
        wait_for("a moving value", lambda: "PM2.5 35" in phone.ask("/live")[1], 60)
        broker = f"127.0.0.1:{field.broker.port}"
        filled = {"key": phone.key(), "node": "LP", "broker": broker, "site": "test-site", "who": "王磊"}
        assert phone.ask("/start", filled)[0] == 303
        again = unescape(phone.ask("/")[1])
        assert "small letters, digits and hyphens" in again
        assert 'value="王磊"' in again  # nothing has to be typed twice
        assert phone.ask("/start", filled | {"node": "lp-0042", "clock": "always"})[0] == 303
        pages = [""]

        def ended() -> bool:
            pages.append(phone.ask("/")[1])
            return "Proving" not in pages[-1]

        wait_for("the end", ended, 90)
        said = pages[-1]
        assert "Close the lid" in said, said
        assert "PM2.5 35" in said
        assert wizard.wait(20) == 0, "".join(shown)
        assert "sent to the city as record 1" in "".join(shown)
        assert json.loads((field.folder / "installation.json").read_text())["who"] == "王磊"
    finally:
        wizard.kill()
        wizard.wait()
        reader.join()
        wizard.stdout.close()
