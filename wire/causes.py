"""Why readings are missing, as people read it; the names travel in gap records. Pure."""

from __future__ import annotations

from typing import Final

from wire.both import Both

CAUSES: Final = {
    "agent-off": Both("agent off", "设备关机"),
    "sensor-silent": Both("sensor silent", "传感器无数据"),
    "bad-frames": Both("bad frames", "坏帧"),
    "refused": Both("refused", "被拒收"),
    "thinned": Both("thinned", "已抽稀"),
    "dropped": Both("dropped", "已丢弃"),
    "purged": Both("purged", "已清除"),
    "disk-full": Both("disk full", "磁盘已满"),
    "clock-set": Both("clock was set", "时钟被校正"),
    "damaged": Both("damaged", "存储损坏"),
    "unanswered": Both("unanswered, put aside", "无人应答，已搁置"),
    "still-on-agent": Both("still on the agent", "还在设备上"),
    "unexplained": Both("unexplained", "原因不明"),
}
