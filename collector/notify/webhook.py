"""A generic webhook: the whole message as JSON, signed, under a key by which a receiver knows it again."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from collector.notify.addresses import NONE, Forbidden, Inner, Resolve, resolve
from collector.notify.channel import NotNow, Outcome
from collector.notify.inner_answer import robots_refusal
from collector.notify.message import Writer
from collector.notify.post import outcome, post, trouble
from collector.rules.outbox import Delivery
from collector.tame import one_line

ROBOT: Final = "chat robots want kind: apprise, with dingtalk://, wecombot:// or feishu:// in its urls_file"


class Webhook:
    """POSTs JSON.

    `X-Lamppost-Key` names the message: told twice, it is the same. `X-Lamppost-Signature: sha256=HEX` is the HMAC of
    the body under the shared secret.
    """

    at_once = 1
    pause_s = 0.0

    def __init__(
        self, name: str, url: str, secret: str | None, writer: Writer, resolved: Resolve = resolve, inner: Inner = NONE
    ) -> None:
        self.name = name
        self._url = url
        self._secret = secret
        self._writer = writer
        self._resolve = resolved
        self._inner = inner

    def send(self, deliveries: Sequence[Delivery]) -> Outcome:
        """POST it once."""
        import urllib3

        (delivery,) = deliveries
        body = json.dumps(self._writer.as_json(delivery), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "X-Lamppost-Key": delivery.key}
        if self._secret is not None:
            digest = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Lamppost-Signature"] = f"sha256={digest}"
        try:
            answer = post(self._url, body, headers, self._resolve, self._inner)
        except Forbidden as error:  # a name server may be put right, or a setting: nothing is given up at once
            return NotNow(str(error))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return trouble(error)
        refused = robots_refusal(urlsplit(self._url).hostname or "", answer.body)
        if answer.status == 200 and refused is not None:  # nobody was told, and it may yet be put right
            return NotNow(one_line(f"HTTP 200 with a refusal, {refused[:200]}; {ROBOT}"))
        return outcome(answer)
