"""Why a serial port is not open, in words that the agent, its screens and the doctor know again. Pure."""

from __future__ import annotations

import errno

from wire.exits import reason

NO_PORT = "this is no serial port"
NO_SUCH_PORT = "there is no such port"
BUSY = "another program reads it"
NOT_PERMITTED = "not permitted: is your user in the group dialout?"
PULLED_OUT = "it was pulled out while we listened, or another program reads it as well"
STUCK = "it takes nothing that is said to it"
STUCK_CURE = "pull its adapter out and plug it in again; of a serial server, look at its far end"


def why_not_opened(error: Exception) -> str:
    """Why a serial port could not be opened, as whoever stands beside it can do something about it."""
    text = str(error)
    if "lock" in text.lower() or getattr(error, "errno", None) == errno.EBUSY:  # ours lock it, ModemManager claims it
        return BUSY
    if isinstance(error, PermissionError) or "Permission" in text:
        return NOT_PERMITTED
    if "Inappropriate ioctl" in text:
        return NO_PORT
    if "No such file" in text:
        return NO_SUCH_PORT
    if "returned no data" in text:  # pyserial's word for a line that says it has something and has not
        return PULLED_OUT
    if text == "Write timeout":
        return STUCK
    if not isinstance(error, OSError | ValueError):  # termios.error holds a number and a text
        return f"it cannot be set so: {error.args[-1]}"
    return reason(error)
