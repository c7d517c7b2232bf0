"""The set-up page, from the code at its door to its end; `server.py` shows it to a phone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from edge_agent.setup.answers import Answers
from edge_agent.setup_web.form import answers_of
from edge_agent.setup_web.guard import Guard
from edge_agent.setup_web.live import Live
from edge_agent.setup_web.server import Server
from wire.both import Both
from wire.exits import Exit, Failure, of_file

LAST_LOOK_S = 60.0


class SetupPage:
    """One set-up by phone: `answers()` waits for them, `say` shows lines, `finish` the end. Close it afterwards."""

    def __init__(self, address: tuple[str, int], live: Live, suggested: Mapping[str, str], guard: Guard) -> None:
        self.guard = guard
        self.live = live
        self.given: dict[str, str] = dict(suggested)
        self.wrong: dict[str, str] = {}
        self.trouble: Failure | None = None
        self.lines: list[str] = []
        self.ending: str | None = None
        self.phase = "form"
        self.seen_end = threading.Event()
        self._answers: Answers | None = None
        self._given = threading.Event()
        self._turn = threading.Lock()  # a person may tap twice: one tap at a time, in the phase that it was meant for
        try:
            self._server = Server(address, self)
        except OSError as error:
            cure = Both("another --listen ADDRESS:PORT", "换一个 --listen ADDRESS:PORT")
            where = f"{address[0]}:{address[1]}"
            raise Failure(Exit.NETWORK, "page-not-served", of_file(where, error), cure) from error
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True).start()

    def answers(self, trouble: Failure | None = None) -> Answers:
        """Wait for answers; `trouble` says why the last could not be used. Raises Failure at the end of time."""
        with self._turn:
            self._given.clear()
            if self._answers is None:  # else they are read along still, and need not be searched for again
                self.live.start()
            self.trouble, self.phase, self.guard.busy = trouble, "form", False
        while not self._given.wait(0.5):
            if self.guard.is_over(time.monotonic()):
                self.phase = "over"
                text = Both("the set-up page has ended", "安装页面已结束")
                again = Both("start the set-up again", "请重新运行安装命令")
                raise Failure(Exit.TIMED_OUT, "page-over", text, again)
        assert self._answers is not None
        return self._answers

    def search_again(self) -> None:
        """Search once more, unless a search is under way already or answers were given: the ports are others' then."""
        with self._turn:
            if self.phase == "form" and not self.live.searching:
                self.live.stop()
                self.live.start()

    def fill_in(self, form: Mapping[str, str]) -> None:
        """What a person filled in: taken, or `wrong` says what is wanted. Nothing where answers were taken already."""
        picked = {name.removeprefix("pick "): value for name, value in form.items() if name.startswith("pick ")}
        with self._turn:
            if self.phase != "form":
                return
            self.given = {name: value for name, value in form.items() if name != "key"}
            answers, self.wrong = answers_of(form, self.live.chosen(picked), self._not_yet(picked))
            self.trouble = None
            if answers is not None:
                self.given.pop("token", None)
                self.phase, self.guard.busy = "proof", True
                self._answers = answers.with_(profiles=self.live.profiles)
                self._given.set()

    def _not_yet(self, picked: Mapping[str, str]) -> str | None:
        """Why the list of sensors is not complete: the page may be older than what the search has found."""
        if self.live.searching:
            return "still_searching"
        unseen = any(row.choices and row.port not in picked for row in self.live.rows())
        return "choose_models" if unseen else None

    def say(self, text: str) -> None:
        """A line that the phone shows too."""
        self.lines.append(text)

    def finish(self, ending: str) -> None:
        """The end, by the key of its text, left on the phone until it has been seen, for a minute at most."""
        self.ending = ending
        if self.guard.is_taken:
            self.seen_end.wait(LAST_LOOK_S)

    def close(self) -> None:
        """Nobody is served any more."""
        self.live.stop()
        self._server.shutdown()
        self._server.server_close()


def open_page(listen: str, live: Live, suggested: Mapping[str, str], echo: Callable[[str], None]) -> SetupPage:
    """Serve the page and say where, with a QR code of the address, and the code. Raises Failure."""
    import io

    import segno

    from edge_agent.setup_web.addresses import parse, reachable

    host, port = parse(listen)
    guard = Guard(time.monotonic())
    made = SetupPage((host, port), live, suggested, guard)
    urls = [f"http://{address}:{made.port}/" for address in reachable(host)]
    drawn = io.StringIO()
    segno.make(urls[0], micro=False).terminal(drawn, border=2, compact=True)
    echo(drawn.getvalue())
    for url in urls:
        echo(Both(f"on the phone:  {url}", f"用手机打开：{url}"))
    if host.startswith("127."):
        everywhere = f"--listen 0.0.0.0:{made.port}"
        echo(
            Both(
                f"  this device only: {everywhere} opens it to its networks,",
                f"  仅限本机；{everywhere} 向所在网络开放，",
            )
        )
        tunnel = f"ssh -L {made.port}:{host}:{made.port} ..."
        echo(Both(f"  or  {tunnel}", f"  或者  {tunnel}"))
    code = f"{guard.code[:3]} {guard.code[3:]}"
    echo(Both(f"code:          {code}   (once, for 15 minutes)", f"验证码：    {code}   （只用一次，15 分钟内有效）"))
    return made
