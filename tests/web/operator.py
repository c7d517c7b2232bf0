"""An operator who is logged in, as a program."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.web.served import Answer, Served
from tests.web.test_ops import FORM, csrf, log_in


class Operator:
    """Reads pages and sends forms with the session's cookie and token."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._cookie = log_in(served)
        self._csrf = csrf(self.get("/ops").text)

    def get(self, path: str) -> Answer:
        return self._served.get(path, Cookie=self._cookie)

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        body = urlencode(fields | {"csrf": self._csrf})
        return self._served.get(path, "POST", body, Content_Type=FORM, Cookie=self._cookie)
