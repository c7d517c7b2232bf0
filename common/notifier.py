"""What systemd is told: started, alive, stopping, and one line of state. Nothing without systemd."""

from __future__ import annotations

import os
import socket


class Notifier:
    """Speaks sd_notify(3) to whoever `NOTIFY_SOCKET` names; silent when nobody is named."""

    def __init__(self, address: str | None) -> None:
        self._address = address

    @classmethod
    def from_environment(cls) -> Notifier:
        """The socket that systemd gave this very process."""
        return cls(os.environ.get("NOTIFY_SOCKET"))

    def ready(self) -> None:
        """The first commit has succeeded, and whoever asks how it is finds an answer."""
        self._say("READY=1")

    def alive(self) -> None:
        """Feed the watchdog; a start or an end that takes its time gets a minute more."""
        self._say("WATCHDOG=1\nEXTEND_TIMEOUT_USEC=60000000")

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows."""
        self._say(f"STATUS={text}")

    def stopping(self) -> None:
        """The last readings are being committed and sent."""
        self._say("STOPPING=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        name = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.connect(name)
                out.sendall(text.encode())
        except OSError:
            return  # systemd will miss it and act; nothing better can be done from here
