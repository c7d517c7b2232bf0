"""Mail, DingTalk, WeCom, Feishu, Telegram, SMS gateways and a hundred more, by apprise.

Its addresses hold secrets, so they live in a file, one a line. Only services that reach people are allowed: an address
of another kind (`json://`, `file://`) is refused; redirects are not followed.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from collector.notify.channel import BadAddress, NotNow, Outcome, Told
from collector.notify.message import Writer
from collector.rules.outbox import Delivery
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


AT_ONCE: Final = 500  # a storm is a few messages, told rule by rule
PAUSE_S: Final = 3.0  # robots of DingTalk and WeCom take twenty messages a minute


class Apprise:
    """Sends one text to every address of the file; a message is told when each of them took it."""

    at_once = AT_ONCE
    pause_s = PAUSE_S

    def __init__(self, name: str, file: Path, writer: Writer, language: Literal["both", "zh", "en"] = "both") -> None:
        """Raises BadAddress, OSError, ModuleNotFoundError when apprise is not installed."""
        import apprise

        self.name = name
        self._writer = writer
        self._languages = ("zh", "en") if language == "both" else (language,)
        self._services = [_service(apprise, file, number, line) for number, line in _lines(file)]
        self._took: dict[str, set[int]] = defaultdict(set)  # by message, which services have it: nobody hears it twice

    def send(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Tell every service what it has not had."""
        refused = []
        for number, service in enumerate(self._services):
            wanted = [each for each in deliveries if number not in self._took[each.key]]
            if not wanted:
                continue
            if self._notify(service, wanted):
                for each in wanted:
                    self._took[each.key].add(number)
            else:
                refused.append(f"{service.service_name} (line {number + 1})")
        if refused:
            return NotNow(f"not taken by {', '.join(refused)}")
        for each in deliveries:
            del self._took[each.key]
        return Told()

    def _notify(self, service: Any, deliveries: Sequence[Delivery]) -> bool:
        title = " / ".join(self._writer.title(deliveries, language) for language in self._languages)
        body = "\n\n".join(self._writer.text(deliveries, language) for language in self._languages)
        try:
            return bool(service.notify(title=title, body=body))
        except (OSError, TypeError, ValueError) as error:
            log.warning("%s: %s: %s", self.name, service.service_name, error)
            return False


def _lines(file: Path) -> list[tuple[int, str]]:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    found = [(number, line.strip()) for number, line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not found:
        raise BadAddress(f"{file}: no address. Cure: one a line, such as mailtos://user:password@mail.city.example")
    return found


def _service(apprise: Any, file: Path, number: int, address: str) -> Any:
    scheme, colon, _ = address.partition("://")
    if not colon:
        raise BadAddress(f"{file}:{number}: an address begins with its service, such as mailtos:// or dingtalk://")
    scheme = scheme.lower()
    if scheme not in SERVICES:
        near = nearest(scheme, SERVICES)
        cure = f"did you mean {near}://?" if near else "for a web server of your own use kind: webhook"
        raise BadAddress(f"{file}:{number}: {scheme[:20]}:// is not allowed here; {cure}")
    service = apprise.Apprise.instantiate(address, asset=apprise.AppriseAsset(http_redirects=False))
    if not service:
        raise BadAddress(f"{file}:{number}: not an address of apprise. Cure: see docs/alerts.md for samples")
    return service
