"""A mail server on loopback that keeps what it is given."""

from __future__ import annotations

import threading
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any


class Postbox(ThreadingTCPServer):
    """Speaks as much SMTP as `smtplib` asks for; `took` are the mails as they came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.took: list[bytes] = []
        self.greeting = "220 postbox"
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __exit__(self, *error: Any) -> None:
        self.shutdown()
        super().__exit__(*error)


class _Session(StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Postbox)
        self._say(self.server.greeting)
        for line in self.rfile:
            word = line.split()[0].upper() if line.split() else b""
            if word == b"EHLO":
                self._say("250-postbox\r\n250 8BITMIME")
            elif word == b"DATA":
                self._say("354 go on")
                self._take()
                self._say("250 taken")
            else:
                self._say("221 bye" if word == b"QUIT" else "250 well")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        assert isinstance(self.server, Postbox)
        self.server.took.append(b"".join(lines))

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")
