"""The answer within an answer: services that say 200 also to what they refuse, and why in the body.

    WeCom, DingTalk       {"errcode": 45009, "errmsg": "api freq out of limit"}                    0 is yes
    Feishu, Lark          {"code": 19024, "msg": "Key Words Not Found"}
    PushDeer, ServerChan  {"code": 80403, "error": "..."}, {"code": 40001, "message": "..."}
    Vonage                {"messages": [{"status": "9", "error-text": "Quota Exceeded"}]}

apprise looks at the status of HTTP alone, and takes most of them for told. So what the plugins of these services call
`requests` is a `Listening`, by which a refusal has the service's own number for its status. A webhook of one's own may
lead to such a robot as well, directly or by way of a relay.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

_ROBOT: Final = ("errcode", "errmsg")
_FEISHU: Final = ("code", "msg")
_PUSHDEER: Final = ("code", "error")
_VONAGE: Final = ("status", "error-text")
_KEYS: Final = {
    "dingtalk": _ROBOT,
    "feishu": _FEISHU,
    "lark": _FEISHU,
    "nexmo": _VONAGE,
    "pushdeer": _PUSHDEER,
    "pushdeers": _PUSHDEER,
    "schan": ("code", "message"),
    "vonage": _VONAGE,
    "wecombot": _ROBOT,
}
"""By service, where its number and its words stand."""
_HOSTS: Final = {"open.feishu.cn": "feishu", "open.larksuite.com": "lark"}
"""Where `code` is a refusal; a receiver of one's own may mean a yes by it, such as 200."""


class Listening:
    """`requests` for a plugin of a service; `refused` hears number and words of a refusal."""

    def __init__(self, requests: Any, service: str, refused: Callable[[str], None]) -> None:
        self._requests, self._service, self._refused = requests, service, refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def post(self, *args: Any, **named: Any) -> Any:
        """What `requests.post` gives."""
        answer = self._requests.post(*args, **named)
        found = refusal(self._service, answer.content) if answer.status_code == 200 else None
        if found is not None:
            answer.status_code, words = found
            self._refused(f"{answer.status_code} {words}".rstrip())
        return answer


def listen(plugin: Any, service: str, refused: Callable[[str], None]) -> None:
    """Have the answers of this plugin's kind looked into, where its service needs that."""
    names = type(plugin).send.__globals__
    if service in _KEYS and not isinstance(names["requests"], Listening):
        names["requests"] = Listening(names["requests"], service, refused)


def refusal(service: str, body: bytes) -> tuple[int, str] | None:
    """Number and words of a refusal; None of a yes, and of a body that says neither."""
    number, words = _KEYS[service]
    try:
        said = json.loads(body)
        found = [(int(each[number]), str(each.get(words, ""))) for each in said.get("messages", [said])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return next((each for each in found if each[0]), None)


def robots_refusal(host: str, body: bytes) -> str | None:
    """Number and words of a chat robot's refusal to a webhook; None of any other answer."""
    found = refusal(_HOSTS.get(host, "dingtalk"), body)
    return None if found is None else f"{found[0]} {found[1]}".rstrip()
