"""`lamppost alerts` at a terminal: one id for every command, and bad input is refused before the collector is asked."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from collector.alerts.book import Book
from collector.alerts.duty import Duty
from collector.commands.alerts import app
from collector.commands.notify import app as notify
from collector.commands.options import counted
from collector.files.statedb import open_state
from collector.rules.desk import Desk
from collector.rules.notification import notification
from collector.rules.outbox import Outbox, Route
from collector.rules.parsing import parse
from collector.rules.policy import Policy
from collector.rules.series import Series
from collector.rules.standing import Line
from collector.rules.transition import transition
from collector.stations.names import rename
from common.language import OURS
from wire.both import zh
from wire.exits import Exit, Failure

NOW = time.time_ns() // 1_000_000
RULE = {
    "alert": "pm25-high", "kind": "air_quality", "window": {"last": "pm25_ugm3"}, "raise": "> 75",
    "text": {"zh": "过高", "en": "too high"},
}  # fmt: skip

FIRED = transition(
    Series.of("air_quality", {"site": "east", "node": "lp-1", "sensor": "air-1"}),
    parse([RULE])[0],
    NOW,
    80.0,
    "firing",
    NOW,
)

Run = Callable[..., str]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state file of a collector at whose two stations one rule fires."""
    desk, file = Desk(), tmp_path / "state.db"
    desk.hear([FIRED, replace(FIRED, fingerprint="f" * 16, labels=FIRED.labels | {"node": "lp-2"})], NOW)
    with closing(open_state(file)) as db:
        book = Book(db)
        with book.commit():
            book.save_desk(desk.changes())
    return file


@pytest.fixture
def run(tmp_path: Path, state: Path) -> Run:
    """Its command line."""
    store = {"kind": "sqlite", "path": str(tmp_path / "readings.db")}
    settings = tmp_path / "collector.yaml"
    settings.write_text(json.dumps({"store": store, "state_file": str(state)}))

    def told(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "-c", str(settings)])
        if isinstance(done.exception, Failure):
            raise done.exception
        return done.output

    return told


@pytest.fixture
def on_duty(state: Path) -> Iterator[list[int]]:
    """A collector that answers, as far as commands can tell; how many requests each of its looks found."""
    book, ending, looks = Book.open(state), threading.Event(), list[int]()
    desk = Desk.restore(Policy(), book.desk())
    duty = Duty(desk, Outbox({}), book.fingerprints)

    def answer() -> None:
        while not ending.wait(0.05):
            asked = book.asked()
            looks.extend([len(asked)] if asked else [])
            with book.commit():
                for number, verb, body in asked:
                    book.answer(number, duty.do(verb, body, NOW))
                book.add_deeds(duty.deeds())
                book.save_desk(desk.changes())

    thread = threading.Thread(target=answer)
    thread.start()
    yield looks
    ending.set()
    thread.join()
    book.close()


def test_many_are_acknowledged_at_once_and_what_was_refused_keeps_no_other(
    run: Run, on_duty: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {row["id"]: row["fingerprint"] for row in json.loads(run("list", "--json"))}
    said = [line.partition(" until ") for line in run("ack", "rule=pm25-*").splitlines()]
    assert [done for done, _, _ in said] == [f"acknowledged {name}" for name in names]
    assert all(re.fullmatch(r"\d\d-\d\d \d\d:\d\d:\d\d", end) for _, _, end in said), "an acknowledgement ends"
    assert on_duty == [2], "both in one look"
    gone, there = names
    monkeypatch.setattr("collector.commands.alerts._named", lambda *_: ["nosuch", names[there]])
    refused, done = json.loads(run("ack", gone, there, "--json"))
    assert refused["refused"] == "no alert 'nosuch'"
    assert (done["done"], done["id"]) == (True, there)


@pytest.mark.usefixtures("on_duty")
def test_a_silence_that_is_over_is_refused_and_one_that_begins_later_says_so(run: Run) -> None:
    with pytest.raises(Failure) as refused:
        run("silence", "node=lp-1", "--from", "2020-01-01 08:00", "--for", "1h")
    assert str(refused.value) == "it would have ended before now"
    start = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT08:00Z}"
    assert ", would silence 1 firing now" in run("silence", "node=lp-1", "--from", start, "--for", "2h")
    (line, count) = run("silences").splitlines()
    assert re.search(r"from \d\d-\d\d \d\d:00:00 until \d\d-\d\d \d\d:00:00", line)
    assert count == "1 silence"


def test_what_late_readings_took_back_is_none_of_those_that_ended(run: Run, state: Path) -> None:
    ended = [replace(FIRED, fingerprint=letter * 16, state="resolved") for letter in "ab"]
    with closing(open_state(state)) as db:
        book = Book(db)
        with book.commit():
            for each in (ended[0], replace(ended[1], void=True, reason="corrected")):
                book.add_transition(each, NOW)
    told = json.loads(run("list", "--all", "--json"))
    assert [row["fingerprint"] for row in told if row["state"] == "RESOLVED"] == ["a" * 16]


def test_a_station_is_called_as_it_was_renamed_in_lists_and_in_the_log_of_messages(
    run: Run, state: Path, tmp_path: Path
) -> None:
    """A heap of its alerts had the name of the settings still, and the log site and node."""
    said = notification("mail", "news", "east/lp-1/value", [Line("firing", FIRED)], NOW)
    outbox = Outbox({"mail": Route("mail")})
    outbox.put([said], NOW)
    with closing(open_state(state)) as db:
        rename(db, "lp-1", "东门", "East Gate")
        book = Book(db)
        with book.commit():
            book.save_outbox(*outbox.changes())
    row, _ = json.loads(run("list", "--json"))
    assert (row["station"], row["station_zh"], row["station_en"]) == ("东门 lp-1 air-1", "东门", "East Gate")
    done = CliRunner().invoke(notify, ["log", "-c", str(tmp_path / "collector.yaml")])
    assert "  mail  waiting  东门 lp-1  [FIRING] too high: PM2.5 began at 80 µg/m³" in done.output


@pytest.mark.usefixtures("on_duty")
def test_who_wants_quiet_until_when_stands_beside_the_alert_and_the_silence_names_it(run: Run) -> None:
    """The list said `s-1a2b3c`, which one had to look up; and there stood a fingerprint, which nobody reads."""
    listed = {row["node"]: row for row in json.loads(run("list", "--json"))}
    name, fingerprint = listed["lp-1"]["id"], listed["lp-1"]["fingerprint"]
    (silence, *_) = run("silence", f"fingerprint={fingerprint}", "--as", "li", "-m", "works", "--for", "2h").split(":")
    (row,) = [row for row in json.loads(run("list", "--json")) if row["node"] == "lp-1"]
    assert re.fullmatch(r'li "works" until \d\d-\d\d \d\d:\d\d', row["who"])
    assert row["hidden_by"] == silence
    line, _ = run("silences").splitlines()
    assert line.startswith(f"{silence}  {name} lp-1 air-1  pm25-high  until ")


@pytest.mark.usefixtures("on_duty")
def test_the_day_after_a_note_can_be_written_about_an_alert_that_is_over(run: Run, state: Path) -> None:
    over = replace(FIRED, fingerprint="0123456789abcdef", state="resolved")
    with closing(Book.open(state)) as book, book.commit():
        book.add_transition(over, NOW - 86_400_000)
    assert run("note", "a-0123", "-m", "a fire in the next street") == "noted a-0123456789abcdef\n"
    assert "a fire in the next street" in run("show", "a-0123")


def test_the_preview_of_a_silence_names_alerts_as_the_list_does(run: Run) -> None:
    listed = {word for word in run("list").split() if word.startswith("a-")}
    assert len(listed - {"a-"}) >= 2
    shown = run("silence", "node=*", "--preview")
    assert {line.split()[0] for line in shown.splitlines()[:2]} <= listed


@pytest.mark.parametrize("words", [("ack", "nosuch"), ("unack", "nosuch"), ("note", "nosuch"), ("show", "nosuch")])
def test_an_alert_that_is_not_known_is_a_slip_with_a_cure(run: Run, words: tuple[str, str]) -> None:
    with pytest.raises(Failure) as refused:
        run(*words)
    assert (refused.value.code, refused.value.word) == (Exit.USAGE, "alert-unknown")
    assert "lamppost alerts list" in refused.value.cure


def test_a_silence_for_ever_is_a_slip(run: Run) -> None:
    with pytest.raises(Failure) as refused:
        run("silence", "node=lp-1", "--for", "200d")
    assert (refused.value.code, refused.value.word) == (Exit.USAGE, "silence-too-long")


def test_what_happened_is_told_with_its_year(run: Run, state: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=380)
    at_ms = round(long_ago.timestamp() * 1000)
    with closing(Book.open(state)) as book, book.commit():
        book.add_transition(replace(FIRED, event_ms=at_ms), at_ms)
    told = f"{long_ago.astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%d %H:%M:%S}  firing"
    assert told in run("history", "--since", "400d")
    assert told in run("show", f"a-{FIRED.fingerprint}")


def test_one_is_no_plural(run: Run) -> None:
    assert run("silences") == "0 silences\n"
    assert run("history") == "0 changes\n"
    told = [counted(n, noun) for noun in ("try", "entry", "day", "batch") for n in (1, 2)]
    assert told == ["1 try", "2 tries", "1 entry", "2 entries", "1 day", "2 days", "1 batch", "2 batches"]


@pytest.mark.usefixtures("on_duty")
def test_who_is_on_duty_reads_and_is_answered_in_chinese_and_a_program_as_ever(
    run: Run, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = run("list", "--json")
    monkeypatch.setenv(OURS, "zh")
    assert run("list", "--json") == english
    assert "告警中" in run("list")
    name = json.loads(english)[0]["id"]
    assert run("ack", name, "-m", "现场处理").startswith(f"已确认 {name}，至 ")
    assert '"现场处理" 至 ' in run("list")
    assert re.search(r" 确认了 现场处理", run("show", name))
    assert re.search(r"s-\w+：至 [\d: -]+，静默了现在告警的 1 条\n", run("silence", "node=lp-2"))
    assert run("silences").splitlines()[-1] == "1 个静默"
    with closing(Book.open(state)) as book, book.commit():
        book.add_transition(FIRED, NOW)
    assert re.search(r"  告警中   重要     lp-1 air-1  过高", run("history"))
    with pytest.raises(Failure) as refused:
        run("silence", "node=lp-1", "--from", "2020-01-01 08:00", "--for", "1h")
    assert zh(refused.value.message) != str(refused.value), "the desk says it in Chinese, too"
