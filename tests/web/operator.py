"""An operator, as a program: makes the first account, logs in, reads pages and sends forms."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from tests.web.served import Answer, Served

PASSWORD = "correct horse battery"
FORM = "application/x-www-form-urlencoded"


def post(served: Served, path: str, cookie: str = "", **fields: str) -> Answer:
    return served.get(path, "POST", urlencode(fields), Content_Type=FORM, Cookie=cookie)


def log_in(served: Served) -> str:
    """Make the first account and log in; the cookie."""
    path = served.app.state.setup_path
    token = path.partition("token=")[2]
    assert post(served, "/ops/setup", token=token, name="li", password=PASSWORD).status == 303
    answer = post(served, "/ops/login", name="li", password=PASSWORD)
    assert answer.status == 303
    return answer.headers["set-cookie"].partition(";")[0]


def csrf(page: str) -> str:
    found = re.search(r'data-csrf="([^"]+)"', page)
    assert found
    return found[1]


class Operator:
    """Reads pages and sends forms with the session's cookie and token."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.cookie = log_in(served)
        self._csrf = csrf(self.get("/ops").text)

    def get(self, path: str) -> Answer:
        return self._served.get(path, Cookie=self.cookie)

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        return post(self._served, path, self.cookie, **fields | {"csrf": self._csrf})
