"""The web server in a thread of its own, beside the ingest."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from collector.web.certificate import Certificate
from collector.web.connections import Bounded, Door, Loop
from common.settings import in_url

_HERE = ["127.0.0.1", "::1", "::ffff:127.0.0.1"]
"""A reverse proxy on this machine, whose word for who asks is taken."""
LOOK_S = 30


class PortTaken(Exception):
    """Nobody can be served there; the text names the address and the reason."""


class WebServer:
    """Serves an application on one address from `start` until `stop`. Port 0 takes any free one; `url` tells which."""

    def __init__(self, app: Starlette, host: str, port: int, tls: tuple[Path, Path] | None = None) -> None:
        """`tls` names certificate and key; with them HTTPS is served, and nothing else."""
        self._app = app
        self._scheme = "http" if tls is None else "https"
        self._certificate = Certificate(*tls) if tls is not None else None
        cert, key = (None, None) if tls is None else map(str, tls)
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",  # below it a line for each request that is none, as many as strangers like
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            ws="none",
            http=Bounded,
            forwarded_allow_ips=_HERE,
            loop=f"{Loop.__module__}:{Loop.__name__}",
            ssl_certfile=cert,
            ssl_keyfile=key,
            callback_notify=self._look_at_certificate,
            timeout_notify=LOOK_S,
        )
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return f"{self._scheme}://{in_url(host)}:{port}/"

    def start(self) -> None:
        """Bind and serve. Raises PortTaken. Connections wait in the socket's own queue until the thread is up."""
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            both = host == "::"  # every address, not those of IPv6 alone
            made = socket.create_server((host, port), family=family, backlog=512, dualstack_ipv6=both)
            self._socket = Door(made)
        except OSError as error:
            raise PortTaken(f"cannot serve on {host}:{port}: {error.strerror or error}; choose another port") from error
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True
        )
        self._thread.start()

    async def _look_at_certificate(self) -> None:
        if self._certificate is not None and self._server.config.ssl is not None:
            self._certificate.look(self._server.config.ssl)

    def stop(self) -> None:
        """End open streams and the thread; returns when it has ended."""
        live = getattr(self._app.state, "live", None)
        if live is not None:
            live.close()
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)
        if self._socket is not None:
            self._socket.close()
