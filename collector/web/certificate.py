"""The certificate that a door shows. One that is renewed on disk is shown from the next connection on, as long as it
and its key belong together; until then the one in force stays.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from common import tls
from wire.exits import Failure

log = logging.getLogger("lamppost.web")


class Certificate:
    """Two files, looked at now and then. Raises Failure when they cannot be used to begin with."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._files = (cert, key)
        self._seen = self._state()
        tls.show(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *self._files)

    def look(self, context: ssl.SSLContext) -> None:
        """Let the server's context show what the files hold now."""
        seen, self._seen = self._seen, self._state()
        if seen == self._seen:
            return
        try:
            tls.show(context, *self._files)
        except Failure as failure:  # half of a renewal: the other half follows
            log.warning("%s; the certificate in force stays", failure)
        else:
            log.info("%s was renewed, and is shown from now on", self._files[0])

    def _state(self) -> tuple[int, ...]:
        """What changes when a file does, or whose it is; 0 for one that is not there, or behind a locked door."""
        return tuple(map(_changed_ns, self._files))


def _changed_ns(file: Path) -> int:
    try:
        return file.stat().st_ctime_ns
    except OSError:
        return 0
