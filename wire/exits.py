"""Exit codes and the one kind of failure that a command shows: what was wrong, where, and the cure."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from wire.both import Both, same, zh


class Exit(IntEnum):
    """What a program may rely on. 0 fine; 1 ran, and the answer is "not healthy"."""

    FINE = 0
    NOT_HEALTHY = 1
    USAGE = 2
    CONFIGURATION = 3
    NOT_PERMITTED = 4
    DEVICE_OR_PORT = 5
    NETWORK = 6
    STORE = 7
    TIMED_OUT = 8
    INTERRUPTED = 130


def reason(error: BaseException) -> Both:
    """Why something failed, without number and without the name again that the sentence around it says.

    `Connection refused` for `[Errno 111] Connection refused`.
    """
    return in_both(_said(error))


def in_both(reason: str) -> Both:
    """Why, as a machine said it in English, with its Chinese where that is known."""
    return Both(reason, _REASONS_ZH.get(reason, reason))


_REASONS_ZH = {
    "Connection refused": "连接被拒绝",
    "Connection reset by peer": "连接被对方断开",
    "Connection timed out": "连接超时",
    "timed out": "超时",
    "No route to host": "找不到通往对方的路由",
    "Network is unreachable": "网络不通",
    "Name or service not known": "域名无法解析",
    "Temporary failure in name resolution": "域名暂时无法解析",
    "No address associated with hostname": "域名没有对应的地址",
    "Permission denied": "没有权限",
    "Operation not permitted": "不允许这样操作",
    "No such file or directory": "没有这个文件或目录",
    "Is a directory": "这是一个目录",
    "Not a directory": "这不是目录",
    "Address already in use": "地址已被占用",
    "Cannot assign requested address": "本机没有这个地址",
    "No space left on device": "磁盘已满",
    "Read-only file system": "文件系统只读",
    "Input/output error": "读写出错",
    "No such device": "没有这个设备",
    "No such device or address": "没有这个设备",
    "Device or resource busy": "设备被占用",
    "Not authorized": "未授权",
    "Bad user name or password": "用户名或密码错误",
    "Client Identifier not valid": "客户端标识无效",
    "Server unavailable": "服务器不可用",
    "Server busy": "服务器忙",
    "Banned": "已被封禁",
    "Quota exceeded": "超出配额",
    "Packet too large": "报文过大",
    "Session taken over": "另一个同名设备登录了",
    "what answers there speaks no TLS": "对方不支持 TLS",
}
"""Of what a machine says most often; the rest is said as the machine says it."""


def _said(error: BaseException) -> str:
    text = re.sub(r"^.*\[(Errno -?\d+|SSL: [A-Z_0-9]+)\] ", "", str(error), flags=re.DOTALL)
    text = re.sub(r"^_ssl\.c:\d+: |\.? ?\(_ssl\.c:\d+\)$", "", text)
    if text == "wrong version number":
        return "what answers there speaks no TLS"
    return re.sub(r": '[^']*'$", "", text) or type(error).__name__


CORRECT_LINES: Final = Both("correct the lines named", "请改正指出的行")
WITH_SUDO: Final = Both("the same with sudo", "加 sudo 重新运行")


def of_file(path: object, error: OSError) -> Both:
    """What is wrong with a file."""
    where, why = same(str(path)) if not isinstance(path, str) else same(path), in_both(error.strerror or str(error))
    return Both(f"{where}: {why}", f"{zh(where)}：{zh(why)}")


class Failure(Exception):
    """Ends a command with one clear line. `word` is a stable name for programs, such as `port-busy`."""

    def __init__(self, code: Exit, word: str, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.word = word
        self.message = message
        self.cure = cure

    @classmethod
    def shut(cls, word: str, path: object) -> Failure:
        """This user may not read a file."""
        text = Both(f"{path} may not be read by this user", f"当前用户无权读取 {path}")
        cure = Both("run this as the user of the service, or with sudo", "用服务的用户运行，或加 sudo")
        return cls(Exit.NOT_PERMITTED, word, text, cure)

    def line(self) -> Both:
        """One line for people."""
        end = "" if self.message.endswith(("?", ".", "!")) else "."
        en = f"{self}{end} Cure: {self.cure}" if self.cure else str(self)
        if not isinstance(self.message, Both) and not isinstance(self.cure, Both):
            return same(en)
        end = "" if zh(self.message).endswith(("？", "。", "！")) else "。"
        return Both(en, f"{zh(self.message)}{end}处理办法：{zh(self.cure)}" if self.cure else zh(self.message))

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "schema": "lamppost.error/1",
            "code": self.word,
            "exit": int(self.code),
            "message": str(self),
            "cure": self.cure,
        }
