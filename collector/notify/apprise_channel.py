"""Mail, DingTalk, WeCom, Feishu, Telegram, SMS gateways and a hundred more, by apprise.

Its addresses hold secrets, so they live in a file, one a line. Only services that reach people are allowed: an address
of another kind (`json://`, `file://`) is refused; redirects are not followed.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from collector.edge import Edge
from collector.letting_go import let_go
from collector.notify import inner_answer
from collector.notify.channel import BadAddress, NotNow, Outcome, Told
from collector.notify.message import Writer
from collector.notify.pieces import pieces
from collector.rules.outbox import Delivery
from collector.tame import one_line
from common.extras import cure
from wire.quantities import nearest

log = logging.getLogger("lamppost.notify")

SERVICES: Final = frozenset({
    "bark", "barks", "bulksms", "burstsms", "clicksend", "d7sms", "dingtalk", "discord", "emails", "feishu",
    "gchat", "gotify", "gotifys", "ifttt", "lark", "line", "mailgun", "mailto", "mailtos", "matrix", "matrixs",
    "mmost", "mmosts", "msg91", "msgbird", "msteams", "nexmo", "ntfy", "ntfys", "opsgenie", "pagerduty",
    "pagertree", "pbul", "pover", "pushdeer", "pushdeers", "pushplus", "rocket", "rockets", "schan", "sendgrid",
    "ses", "signal", "signals", "signl4", "sinch", "slack", "smseagle", "smseagles", "sns", "spike", "splunk",
    "tgram", "threema", "twilio", "victorops", "vonage", "wecombot", "whatsapp", "workflows", "wxpusher",
    "wxteams", "zulip",
})  # fmt: skip
"""Services that reach people. Anything else (`json://` calls any web server, `syslog://` a socket) is refused."""


_MAIL: Final = re.compile(r"(mailtos?://.*[?&]to=)([^&]+)(.*)", re.IGNORECASE)
AT_ONCE: Final = 500  # a storm is a few messages, told rule by rule
PAUSE_S: Final = 3.0  # robots of DingTalk and WeCom take twenty messages a minute
PARTED_FROM: Final = 1_000
"""Who takes fewer characters at a time sends text messages (SMS), and parts them for the phone to put together."""


class _Words(logging.Filter):
    """What apprise says, by thread. It says the same of each try, for days; the channel passes on what is new of it.

    What a mail server said it has at its debug level alone; of other services that level holds tokens, and is not kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self._complaint: dict[int, str] = {}
        self._server: dict[int, str] = {}
        self._refusal: dict[int, str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        let_go(sys.exc_info()[1])  # nobody else sees the error: apprise swallows it
        thread, text = threading.get_ident(), record.getMessage()
        if record.levelno >= logging.WARNING:
            self._complaint[thread] = text
        elif record.levelno < logging.INFO and text.startswith(_SERVER):
            self._server[thread] = text.removeprefix(_SERVER)
        return False

    def refused(self, said: str) -> None:
        """A service has answered, in this thread, that it will not have it."""
        self._refusal[threading.get_ident()] = said

    def take(self) -> tuple[str, str, str]:
        """The last complaint in this thread, the last words of a mail server, and of a service that refuses."""
        thread = threading.get_ident()
        heard = (self._complaint, self._server, self._refusal)
        complaint, server, refusal = (words.pop(thread, "") for words in heard)
        return complaint, server, refusal


_SERVER: Final = "Socket Exception: "
_WORDS: Final = _Words()


class Apprise:
    """Sends one text to one address: where a file has several, each is a channel of its own and holds up no other."""

    at_once = AT_ONCE
    pause_s = PAUSE_S

    def __init__(
        self, name: str, file: Path, writer: Writer, language: Literal["both", "zh", "en"] = "both", number: int = 0
    ) -> None:
        """`number` is the address's place in the file. Raises BadAddress."""
        try:
            import apprise
        except ModuleNotFoundError as error:
            raise BadAddress(f"{name}: apprise is not installed. Cure: {cure('notify')}") from error
        self.name = name
        self._writer = writer
        self._languages = ("zh", "en") if language == "both" else (language,)
        self._line, address = addresses(file)[number]
        self._service = _service(apprise, file, self._line, address)
        self._is_mail = address.lower().startswith("mailto")
        words = logging.getLogger("apprise")
        words.setLevel(logging.DEBUG)
        words.addFilter(_WORDS)
        self._edge = Edge(log)
        reaches = len(self._service)
        self._cure = f", or not by all {reaches} that it reaches. Cure: a line each" if reaches > 1 else ""

    def send(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Tell it, in plain text: a service that shows HTML or Markdown gets it escaped."""
        title = " / ".join(self._writer.title(deliveries, language) for language in self._languages)
        body = "\n\n".join(self._writer.text(deliveries, language) for language in self._languages)
        _WORDS.take()
        try:
            took = self._tell(title, body)
            complaint, server, refusal = _WORDS.take()
        except (OSError, TypeError, ValueError) as error:
            took, complaint, server, refusal = False, f"{self._service.service_name}: {error}", "", ""
        if took:
            self._edge.is_over()
            return Told()
        self._edge.fails(f"{self.name}: {complaint}")
        said = refusal or (server if self._is_mail else "")
        why = f"not taken by {self._service.service_name} (line {self._line}){self._cure}"
        return NotNow(one_line(f"{why}: {said}" if said else why)[:300])

    def _tell(self, title: str, body: str) -> bool:
        """Whether it took all of it: what is too long for it goes in pieces, the title with the first."""
        most = self._service.body_maxlen
        room = max(most - len(f"{title}\r\n".encode()), most // 2)
        for piece in pieces(body, room) if most >= PARTED_FROM else (body,):
            if not self._service.notify(title=title, body=piece, body_format="text"):
                return False
            title = ""
        return True


def addresses(file: Path) -> list[tuple[int, str]]:
    """The addresses of a file, each with its line. Raises BadAddress when there is none to be had.

    Mail to several is an address each: where one mailbox is gone, the others would hear all of it again, for a day.
    """
    try:
        lines = enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1)
    except OSError as error:
        cure = "Cure: name a file that is there and that the collector's user may read"
        raise BadAddress(f"{file}: {error.strerror}. {cure}") from error
    except UnicodeDecodeError as error:
        raise BadAddress(f"{file}: not UTF-8. Cure: save it as UTF-8") from error
    found = [(number, line.strip()) for number, line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not found:
        raise BadAddress(f"{file}: no address. Cure: one a line, such as mailtos://user:password@mail.city.example")
    return [(number, each) for number, address in found for each in _of_each(address)]


def _of_each(address: str) -> list[str]:
    mail = _MAIL.fullmatch(address)
    people = re.split(",|%2C", mail[2], flags=re.IGNORECASE) if mail is not None else []
    if mail is None or not all("@" in each for each in people):  # a comma may stand in a name
        return [address]
    return [mail[1] + each.strip() + mail[3] for each in people]


def _service(apprise: Any, file: Path, number: int, address: str) -> Any:
    scheme, colon, _ = address.partition("://")
    if not colon:
        raise BadAddress(f"{file}:{number}: an address begins with its service, such as mailtos:// or dingtalk://")
    scheme = scheme.lower()
    if scheme not in SERVICES:
        near = nearest(scheme, SERVICES)
        cure = f"did you mean {near}://?" if near else "for a web server of your own use kind: webhook"
        raise BadAddress(f"{file}:{number}: {scheme[:20]}:// is not allowed here; {cure}")
    words = logging.getLogger("apprise")
    words.disabled = True  # it calls a token that is not one by its letters
    try:
        service = apprise.Apprise.instantiate(address, asset=apprise.AppriseAsset(http_redirects=False))
    finally:
        words.disabled = False
    if not service:
        raise BadAddress(f"{file}:{number}: not an address of apprise. Cure: see docs/alerts.md for samples")
    inner_answer.listen(service, scheme, _WORDS.refused)
    return service
