"""Services that reach people, by apprise: a push server on loopback, and addresses that are refused."""

from __future__ import annotations

import email
import email.message
import email.policy
import json
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest

from collector.alerts.settings import Alerts, AppriseChannel
from collector.config import Config
from collector.notify.addresses import Inner
from collector.notify.apprise_channel import Apprise, addresses
from collector.notify.channel import BadAddress, NotNow, Told
from collector.notify.message import Place
from collector.notify.pieces import pieces
from collector.notify.setup import channels, telling
from collector.notify.teller import Teller
from collector.notify.webhook import Webhook
from collector.rules.notification import notification
from collector.rules.outbox import Delivery, Outbox
from collector.rules.series import Series
from collector.rules.standing import Line
from collector.rules.transition import transition
from tests.alerts.postbox import Postbox
from tests.alerts.test_teller import T0, WRITER
from tests.answering import Answering, reply
from tests.closes import Closes
from tests.garbage import none_is_left
from tests.rules.high import PM25_HIGH
from tests.servers import free_port

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # one of apprise's own packages


ODD = Place("东口", "East <b>&\nBcc: evil@x.example\n\n🚦", ZoneInfo("Asia/Shanghai"))


class Ntfy(Answering):
    """A push server in ntfy's manner; refuses while `down`, redirects while `moved`. It answers `said`."""

    def __init__(self) -> None:
        self.took: list[dict[str, Any]] = []
        self.calls = 0
        self.down = self.moved = False
        self.said: dict[str, Any] = {}
        super().__init__()

    def answer(self, call: BaseHTTPRequestHandler, body: bytes) -> None:
        self.calls += 1
        answer = json.dumps(self.said).encode()
        if self.moved:
            reply(call, 302, answer, Location=f"{self.url}/elsewhere")
        elif self.down:
            reply(call, 503, answer)
        else:
            is_json = call.headers["Content-Type"].startswith("application/json")
            self.took.append(json.loads(body) if is_json else dict(parse_qsl(body.decode())))
            reply(call, 200, answer)


@pytest.fixture
def ntfy(closes: Closes) -> Ntfy:
    return closes(Ntfy())


def message(node: str = "lp-1", state: str = "firing", value: float = 91.0) -> Delivery:
    said = transition(Series.of("air_quality", {"site": "s", "node": node}), PM25_HIGH, T0, value, state, T0)
    body = {"what": "news", "lines": [[state, said.as_json()]]}
    return Delivery(f"{node} {state}", "duty", f"duty|{node}", 1, T0, T0, "", "", "major", body)


def urls(folder: Path, *lines: str) -> Path:
    file = folder / "duty.urls"
    file.write_text("# the duty phone\n" + "\n".join(lines) + "\n")
    return file


def test_people_get_it_in_both_languages(tmp_path: Path, ntfy: Ntfy) -> None:
    channel = Apprise("duty", urls(tmp_path, f"ntfy://127.0.0.1:{ntfy.port}/street"), WRITER)
    assert channel.send([message()]) == Told()
    (took,) = ntfy.took
    assert took["title"] == "[告警] lp-1 站 / [FIRING] Station lp-1"
    assert "PM2.5 过高：PM2.5 触发时 91 µg/m³（阈值 > 75）" in took["message"]
    assert "PM2.5 too high: PM2.5 began at 91 µg/m³ (limit > 75)" in took["message"]


def test_an_address_that_fails_for_hours_holds_up_no_other_of_its_file(
    tmp_path: Path, ntfy: Ntfy, closes: Closes
) -> None:
    other = closes(Ntfy())
    other.down = True
    file = urls(tmp_path, f"ntfy://127.0.0.1:{ntfy.port}/a?retry=0", f"ntfy://127.0.0.1:{other.port}/b?retry=0")
    wants = AppriseChannel(name="duty", kind="apprise", urls_file=file, language="en")
    first, second = channels(wants, WRITER, None, lambda: now_ms)
    route = telling(cast(Config, SimpleNamespace(alerts=Alerts(channels=[wants])))).routes["duty"]
    assert (route.channels, first.name, second.name) == (("duty", "duty:2"), "duty", "duty:2")
    outbox, now_ms = Outbox({"duty": route}), T0
    teller = Teller(outbox, [first, second], lambda *_: None, lambda: now_ms)
    first.pause_s = second.pause_s = 0.0
    for each in (first, second):
        each._service.request_rate_per_sec = 0.0  # type: ignore[attr-defined]  # its own manners: 5.5 s between two
    for hour, state in enumerate(("firing", "resolved", "firing")):
        now_ms = T0 + hour * 3_600_000
        said = transition(
            Series.of("air_quality", {"site": "s", "node": "lp-1"}), PM25_HIGH, now_ms, 91.0, state, now_ms
        )
        outbox.put([notification("duty", "news", "s/lp-1/value", [Line(state, said)], now_ms)], now_ms)
        for channel in (first, second):
            teller.step(channel)
    assert [took["title"][:7] for took in ntfy.took] == ["[FIRING", "[RESOLV", "[FIRING"]
    other.down, now_ms = False, now_ms + 3_600_000
    while outbox.open:
        teller.step(second)
    assert [took["title"][:7] for took in other.took] == ["[FIRING", "[RESOLV", "[FIRING"]
    assert len(ntfy.took) == 3, "nobody hears it twice"


def test_mail_to_several_is_a_channel_for_each_so_that_one_mailbox_that_is_gone_doubles_nothing(tmp_path: Path) -> None:
    address = "mailto://127.0.0.1:1?from=a@city.example&to=wang@city.example,%20li@city.example&mode=insecure"
    file = urls(tmp_path, address, "tgram://123456789:abcdefg_hijklmnop/1/2")
    assert [line for line, _ in addresses(file)] == [2, 2, 3]
    made = channels(AppriseChannel(name="duty", kind="apprise", urls_file=file), WRITER, None, lambda: T0)
    targets = [[to for _, to in each._service.targets] for each in made[:2]]  # type: ignore[attr-defined]
    assert ([each.name for each in made], targets) == (
        ["duty", "duty:2", "duty:3"], [["wang@city.example"], ["li@city.example"]]
    )  # fmt: skip
    made[2]._service.notify = lambda **_: False  # type: ignore[attr-defined]
    assert made[2].send([message()]) == NotNow(
        "not taken by Telegram (line 3), or not by all 2 that it reaches. Cure: a line each"
    )


def test_a_comma_in_a_name_parts_no_address(tmp_path: Path) -> None:
    address = 'mailto://127.0.0.1:1?to="Wang, Lei" <wang@city.example>,li@city.example&mode=insecure'
    assert addresses(urls(tmp_path, address)) == [(2, address)]


def test_what_a_mail_server_says_is_why_it_was_not_told_and_no_secret_of_others_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Postbox() as post:
        post.greeting = "554 no mail from this address"
        address = f"mailto://127.0.0.1:{post.port}?from=a@city.example&to=duty@city.example&mode=insecure"
        said = Apprise("duty", urls(tmp_path, address), WRITER).send([message()])
    assert said == NotNow("not taken by E-Mail (line 2): (554, b'no mail from this address')")
    gone = Apprise("duty", urls(tmp_path, "dingtalk://sesame0123/"), WRITER)
    gone._service.notify_url = f"http://127.0.0.1:{post.port}/?access_token={{token}}"
    gone._service.request_rate_per_sec = 0.0
    assert gone.send([message()]) == NotNow("not taken by DingTalk (line 2)")
    assert "sesame" not in caplog.text


YES, NO = {"errcode": 0, "errmsg": "ok"}, {"errcode": 45009, "errmsg": "api freq out of limit"}
SMS = {"messages": [{"status": "0"}]}, {"messages": [{"status": "0"}, {"status": "9", "error-text": "Quota Exceeded"}]}


@pytest.mark.parametrize(
    ("address", "yes", "no", "why"),
    [
        ("wecombot://sesame", YES, NO, "WeCom Bot (line 2): 45009 api freq out of limit"),
        ("dingtalk://sesame0123/", YES, NO, "DingTalk (line 2): 45009 api freq out of limit"),
        ("feishu://sesame", {"code": 0}, {"code": 19024, "msg": "Key Words"}, "Feishu (line 2): 19024 Key Words"),
        ("pushdeer://sesame", {"code": 0}, {"code": 80403, "error": "key"}, "PushDeer (line 2): 80403 key"),
        ("schan://sesame", {"code": 0}, {"code": 40001, "message": "key"}, "ServerChan (line 2): 40001 key"),
        ("vonage://sesame:sesame@13800138000/", *SMS, "Vonage (line 2): 9 Quota Exceeded"),
    ],
)
def test_a_no_within_an_answer_of_200_is_a_no(
    tmp_path: Path, ntfy: Ntfy, address: str, yes: Any, no: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It was told, by the log of messages too: a robot of WeCom or DingTalk says 200 whatever it does."""
    channel = Apprise("duty", urls(tmp_path, address), WRITER)
    service = channel._service
    service.api_url = service.notify_url = f"http://127.0.0.1:{ntfy.port}/"
    service.request_rate_per_sec = 0.0
    said = []
    for ntfy.said in (no, yes, {}):
        said.append(channel.send([message()]))
    assert said == [NotNow(f"not taken by {why}"), Told(), Told()]
    assert len(ntfy.took) == 3
    assert "sesame" not in caplog.text


@pytest.mark.parametrize(
    ("host", "no"),
    [
        ("hooks.city.example", {"errcode": 400602, "errmsg": "miss msgtype"}),
        ("open.feishu.cn", {"code": 19002, "msg": "params error, msg_type need"}),
    ],
)
def test_a_webhook_of_ones_own_at_a_chat_robot_is_told_what_to_use(ntfy: Ntfy, host: str, no: Any) -> None:
    """It was told for ever, and nobody was: a robot says HTTP 200 to JSON that it cannot read."""
    inner = Inner([host])
    hook = Webhook("duty", f"http://{host}:{ntfy.port}/", None, WRITER, lambda *_: ["127.0.0.1"], inner)
    said = []
    for ntfy.said in (no, {"errcode": 0, "code": 0}, {}, {"message": "ok"}):
        said.append(hook.send([message()]))
    assert said[1:] == [Told(), Told(), Told()]
    assert isinstance(said[0], NotNow)
    assert " ".join(map(str, no.values())) in said[0].why
    assert "feishu://" in said[0].why


def test_a_receiver_of_ones_own_may_answer_with_any_code(ntfy: Ntfy) -> None:
    hook = Webhook("duty", f"http://127.0.0.1:{ntfy.port}/", None, WRITER)
    ntfy.said = {"code": 200, "msg": "success"}
    assert hook.send([message()]) == Told()


def test_a_text_that_is_longer_than_its_service_takes_comes_in_pieces(tmp_path: Path, ntfy: Ntfy) -> None:
    """A robot of WeCom refuses what has more than 2,048 bytes: of twelve alerts at once nobody heard."""
    channel = Apprise("duty", urls(tmp_path, "wecombot://sesame"), WRITER)
    channel._service.api_url = f"http://127.0.0.1:{ntfy.port}/"
    channel._service.request_rate_per_sec = 0.0
    storm = [message(f"lp-{n}", value=80.0 + n) for n in range(12)]
    assert channel.send(storm) == Told()
    texts = [took["text"]["content"] for took in ntfy.took]
    assert len(texts) == 3
    assert max(len(text.encode()) for text in texts) <= 2048
    told = "".join(texts)
    assert all(f"{80 + n} µg/m³ (limit" in told for n in range(12))
    assert told.count("[告警] ×12 lp-0 站、") == 2, "the title, and the text's own"


@pytest.mark.parametrize("most", [7, 8, 30, 1_000])
def test_pieces_are_parted_between_lines_and_never_within_a_character(most: int) -> None:
    text = "告警 东口\n\nPM2.5 小时均值过高：91 µg/m³\n🚦"
    found = list(pieces(text, most))
    assert all(0 < len(each.encode()) <= most for each in found)
    assert "".join(found).replace("\n", "") == text.replace("\n", "")
    assert most != 30 or found == ["告警 东口\n", "PM2.5 小时均值过高：91 ", "µg/m³\n🚦"]


def test_a_service_that_is_away_for_days_is_a_line_in_the_log_and_not_one_a_try(
    tmp_path: Path, ntfy: Ntfy, caplog: pytest.LogCaptureFixture
) -> None:
    channel = Apprise("duty", urls(tmp_path, f"ntfy://127.0.0.1:{ntfy.port}/street?retry=0"), WRITER)
    channel._service.request_rate_per_sec = 0.0
    caplog.set_level("INFO")
    for down in (True, True, True, False, True, True):
        ntfy.down = down
        assert isinstance(channel.send([message()]), NotNow) == down
    assert [record.getMessage() for record in caplog.records if record.name != "asyncio"] == [
        "duty: Failed to send ntfy notification to topic 'street': Servers are overloaded., error=503."
    ] * 2


def test_a_message_to_a_service_that_does_not_answer_is_not_kept(tmp_path: Path) -> None:
    """It was: what apprise hears of it stayed, with the message, until the garbage collector came by."""
    channel = Apprise("duty", urls(tmp_path, f"ntfy://127.0.0.1:{free_port()}/street?retry=0"), WRITER)
    channel._service.request_rate_per_sec = 0.0
    channel.send([message()])  # the first one loads what it needs
    with none_is_left():
        assert isinstance(channel.send([message()]), NotNow)


def test_a_service_that_shows_markup_gets_lines_and_signs_as_they_are(tmp_path: Path) -> None:
    with Postbox() as post:
        address = f"mailto://127.0.0.1:{post.port}?from=lamp@city.example&to=duty@city.example&mode=insecure"
        channel = Apprise("duty", urls(tmp_path, address), WRITER._replace(place=lambda _: ODD), "en")
        assert channel.send([message(), message("lp-2")]) == Told()
    mail = email.message_from_bytes(post.took[0], policy=email.policy.default)
    assert mail["to"] == "duty@city.example"
    assert "Bcc" not in mail
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mail.get_body(("html",)) is None
    assert "🚦: PM2.5 too high: PM2.5 began at 91 µg/m³ (limit > 75), since" in text.splitlines()[-2]


def test_what_is_due_together_is_one_text(tmp_path: Path, ntfy: Ntfy) -> None:
    channel = Apprise("duty", urls(tmp_path, f"ntfy://127.0.0.1:{ntfy.port}/street"), WRITER, "en")
    assert channel.send([message(), message("lp-2", value=140.0), message("lp-3", "resolved", 60.0)]) == Told()
    (took,) = ntfy.took
    assert took["title"] == "[FIRING] ×2 [RESOLVED] Station lp-1, Station lp-2, Station lp-3"
    assert took["message"].count("began at") == 2
    over = "PM2.5 too high: PM2.5 60 µg/m³ (clears at <= 75), since 2026-09-21 22:13:20 until"
    assert f"[RESOLVED] Station lp-3: {over}" in took["message"], "or nobody knows whose it is"
    assert "  https://city.example/ops/alert/" in took["message"]


def test_an_end_on_another_day_has_its_date() -> None:
    series = Series.of("air_quality", {"site": "s", "node": "lp-1"})
    ended = transition(series, PM25_HIGH, T0, 60.0, "resolved", T0 + 86_400_000)
    delivery = message()
    delivery.body["lines"] = [["resolved", ended.as_json()]]
    assert "since 2026-09-21 22:13:20 until 2026-09-22 22:13:20" in WRITER.text([delivery], "en")


def test_what_began_and_ended_in_one_text_has_ended(tmp_path: Path, ntfy: Ntfy) -> None:
    channel = Apprise("duty", urls(tmp_path, f"ntfy://127.0.0.1:{ntfy.port}/street"), WRITER, "en")
    told = [message(), message("lp-2"), message(state="resolved", value=60.0)]
    assert channel.send(told) == Told()
    (took,) = ntfy.took
    assert took["title"] == "[FIRING] [RESOLVED] Station lp-1, Station lp-2"
    assert [line[:10] for line in took["message"].splitlines() if line.startswith("[")][1:] == [
        "[RESOLVED]",
        "[FIRING] S",
    ]


def test_a_storm_is_told_rule_by_rule_and_names_some_stations(tmp_path: Path, ntfy: Ntfy) -> None:
    channel = Apprise("duty", urls(tmp_path, f"ntfy://127.0.0.1:{ntfy.port}/street"), WRITER)
    storm = [message(f"lp-{n}", value=80.0 + n) for n in range(40)]
    assert channel.send([message("lp-99", "resolved", 60.0), *storm]) == Told()
    (took,) = ntfy.took
    zh, en = took["message"].split("\n\n")
    shown = ", ".join(f"Station lp-{n}" for n in range(8))
    assert en.splitlines()[1:] == [
        "[FIRING] ×40 PM2.5 too high: 80–119 µg/m³ (limit > 75)",
        f"  {shown} and 32 more",
        "[RESOLVED] PM2.5 too high: 60 µg/m³ (clears at <= 75)",
        "  Station lp-99",
        "https://city.example/en/ops",
    ]
    assert "[告警] ×40 PM2.5 过高：80–119 µg/m³（阈值 > 75）" in zh
    assert "lp-7 站 等 40 站" in zh


@pytest.mark.parametrize("state", ["firing", "resolved"])
def test_the_words_of_a_rule_in_a_storm_may_have_a_colon_of_their_own(state: str) -> None:
    text = PM25_HIGH.text.model_copy(update={"en": "Air: too much dust", "zh": "空气：扬尘过多"})
    rule = PM25_HIGH.model_copy(update={"text": text})
    said = transition(Series.of("air_quality", {"site": "s", "node": "lp-1"}), rule, T0, 80.0, state, T0)
    delivery = message()
    delivery.body["lines"] = [[state, {**said.as_json(), "key": f"k{n}"}] for n in range(40)]
    en, zh = (WRITER.text([delivery], language).splitlines()[1].partition("×40 ")[2] for language in ("en", "zh"))
    assert (en[:23], zh[:11]) == ("Air: too much dust: 80 ", "空气：扬尘过多：80 ")


def test_a_redirect_is_not_followed(tmp_path: Path, ntfy: Ntfy) -> None:
    ntfy.moved = True
    channel = Apprise("duty", urls(tmp_path, f"ntfy://127.0.0.1:{ntfy.port}/a?retry=0"), WRITER)
    assert isinstance(channel.send([message()]), NotNow)
    assert ntfy.took == []


def test_without_apprise_the_channel_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(BadAddress, match=r"pip install '\.\[notify\]'"):
        Apprise("duty", urls(tmp_path, "mailtos://user:password@mail.city.example"), WRITER)


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("json://user:hunter2@127.0.0.1/", "use kind: webhook"),
        ("file:///etc/passwd", "is not allowed here"),
        ("dingtalks://hunter2", "did you mean dingtalk://?"),
        ("tgram://hunter2", "not an address of apprise"),
        ("zulip://bot@org/hunter2", "not an address of apprise"),
        ("hunter2", "an address begins with its service"),
    ],
)
def test_an_address_that_will_not_do_is_refused_and_its_secret_not_repeated(
    tmp_path: Path, line: str, cure: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BadAddress) as refused:
        Apprise("duty", urls(tmp_path, line), WRITER)
    assert "duty.urls:2: " in str(refused.value)
    assert cure in str(refused.value)
    assert "hunter2" not in str(refused.value) + caplog.text
