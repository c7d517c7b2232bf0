"""Why a serial port is not open, in words that the agent, its screens and the doctor know again. Pure."""

from __future__ import annotations

import errno

from wire.both import Both, same
from wire.exits import reason

NO_PORT = Both("this is no serial port", "这不是串口")
NO_SUCH_PORT = Both("there is no such port", "没有这个串口")
BUSY = Both("another program reads it", "另一个程序正在读取")
NOT_PERMITTED = Both(
    "not permitted: is your user in the group dialout?",
    "没有权限：当前用户在 dialout 组中吗？",
)
PULLED_OUT = Both(
    "it was pulled out while we listened, or another program reads it as well",
    "读取时被拔掉了，或者另一个程序也在读取",
)
STUCK = Both("it takes nothing that is said to it", "写入没有反应")
STUCK_CURE = Both(
    "pull its adapter out and plug it in again; of a serial server, look at its far end",
    "拔下适配器重新插上；如果是串口服务器，请检查它的另一端",
)
DIALOUT_CURE = Both(
    "sudo adduser $USER dialout, then log in again",
    "sudo adduser $USER dialout，然后重新登录",
)
END_IT = Both("end that program: sudo lamppost agent ports", "查出并关掉那个程序：sudo lamppost agent ports")
_ALL = (NO_PORT, NO_SUCH_PORT, BUSY, NOT_PERMITTED, PULLED_OUT, STUCK)


def known(trouble: str) -> Both:
    """What an agent has said of a port, in both languages again: in its file there is the English alone."""
    return next((text for text in _ALL if text == trouble), same(trouble))


def why_not_opened(error: Exception) -> Both:
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
        return Both(f"it cannot be set so: {error.args[-1]}", f"串口不支持这样的设置：{error.args[-1]}")
    return reason(error)
