"""OmniPreSense OPS243-A, from the user's manual UM-003-A and the API interface AN-010."""

from __future__ import annotations

import json

from firmware_stubs.stub import Line, Row, Stub, Targets

PERIOD_S = 0.18  # 5 to 6 reports a second at the default 10 kHz sampling and 512 samples
MISSES_TO_END = 4  # reports without it until an object counts as gone (`N<n`)
UNITS = {
    "M": ("m-per-sec", "mps", 1 / 3.6),
    "K": ("km-per-hour", "kmph", 1.0),
    "S": ("mph", "mph", 1 / 1.609344),
    "C": ("cm-per-sec", "cmps", 100 / 3.6),
    "F": ("ft-per-sec", "fps", 1 / 1.09728),
}
QUERIES = {"?P": {"Product": "OPS243 Doppler"}, "?V": {"Version": "1.3.2"}, "?B": {"Build": "20181005_1335"},
           "?N": {"SerialNumber": "021-0000"}, "?U": {"UID": "b2000040b7a12400d5188041"},
           "?R": {"ResetReason": "Status from bitmask", "Power On": True}}  # fmt: skip


class Ops243(Stub):
    """Two-character commands; one line a report: plain numbers after power-up, JSON after `OJ`."""

    line = Line(57600)
    checksum_at = None

    def __init__(self, targets: Targets | None = None) -> None:
        super().__init__(targets=targets)
        self.unit, self.json, self.magnitude, self.time, self.zero = "M", False, False, False, False
        self.units, self.speeds, self.objects = False, True, False
        self._passing: dict[bool, list[tuple[float, dict[str, float]]]] = {True: [], False: []}  # by whether inbound
        self.per_line, self.decimals, self.direction = 1, 1, "|"
        self.limits, self.passing = {"R>": 0, "R<": 0}, {"N>": 2, "N<": MISSES_TO_END}  # of speeds, 0 for none

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s
        self._on_s = t_s

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[:1] in b"\r\n ":
            return 1, b""
        if len(data) < 2:
            return 0, b""
        name = data[:2].decode("ascii", "replace")
        if name[1] in "<>=":  # a number follows, and ends with a return
            end = next((at for at, byte in enumerate(data) if byte in b"\r\n"), None)
            return (0, b"") if end is None else (end + 1, self._numbered(name, data[2:end].decode("ascii", "replace")))
        if name in QUERIES:
            return 2, _line(QUERIES[name])
        if name == "??":
            return 2, b"".join(_line(reply) for reply in QUERIES.values())
        return 2, self._set(name)

    def _set(self, name: str) -> bytes:
        first, second = name[0], name[1]
        if first == "U":
            self.unit = second if second in UNITS else self.unit
            return _line({"Units": UNITS[self.unit][0]})
        if first == "C" and second == "?":
            return _line({"Clock": str(int(self.t_s - self._on_s))})
        if first == "N" and second in "?!":
            return _line({"DetectedObjectCount": 0})
        if first == "F" and second == "?":
            return _line({"Decimals": self.decimals})
        if first == "O" and second.isdecimal():
            self.per_line = max(1, int(second))
        elif first == "O":
            self.json = {"J": True, "j": False}.get(second, self.json)
            self.magnitude = {"M": True, "m": False}.get(second, self.magnitude)
            self.units = {"U": True, "u": False}.get(second, self.units)
            self.time = {"T": True, "t": False}.get(second, self.time)
            self.objects = {"C": True, "c": False}.get(second, self.objects)
            self.speeds = {"S": True, "s": False}.get(second, self.speeds)
        elif first == "F" and second.isdecimal():
            self.decimals = min(int(second), 5)
        elif first == "R" and second in "+-|":
            self.direction = second
        elif first == "B":
            self.zero = second == "Z"
        return b""

    def _numbered(self, name: str, text: str) -> bytes:
        number = int(text) if text.isdecimal() else 0
        if name in ("R>", "R<"):
            self.limits[name] = number
            return b""
        if name == "C=":
            self._on_s = self.t_s - number
        if name in ("N>", "N<"):
            self.passing[name] = number
            counts = {"CountToPass": self.passing["N>"], "CountToFail": self.passing["N<"]}
            return _line({"MotionSignal": "Status"} | counts)
        return b""

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + PERIOD_S
        wanted = [target for target in self.targets(t_s) if self._wanted(target["speed_kmh"])]
        passed = self._passed(t_s, wanted) if self.objects else b""
        return passed + (self._speeds(t_s, wanted[: self.per_line]) if self.speeds else b"")

    def _passed(self, t_s: float, wanted: list[dict[str, float]]) -> bytes:
        """A summary of each vehicle that was before the radar a moment ago and is not any more (AN-010, `OC`)."""
        lines = b""
        for inbound, seen in self._passing.items():
            target = next((one for one in wanted if (one["speed_kmh"] > 0) == inbound), None)
            missed = bool(seen) and target is None and t_s - seen[-1][0] >= self.passing["N<"] * PERIOD_S
            another = target is not None and bool(seen) and abs(target["range_m"] - seen[-1][1]["range_m"]) > 20
            gone = missed or another
            if gone and len(seen) >= self.passing["N>"]:
                lines += self._summary(t_s, inbound, seen)
            if gone:
                seen.clear()
            if target is not None:
                seen.append((t_s, target))
        return lines

    def _summary(self, t_s: float, inbound: bool, seen: list[tuple[float, dict[str, float]]]) -> bytes:
        speeds = [round(abs(target["speed_kmh"]) / 3.6, 2) for _, target in seen]
        length_m = round(seen[-1][1].get("length_m", 4.5), 2)
        told = {
            "classifier": "object_inbound" if inbound else "object_outbound",
            "end_time": f"{seen[-1][0] - self._on_s:.3f}",
            "start_time": f"{seen[0][0] - self._on_s:.3f}",
            "delta_time_msec": round((seen[-1][0] - seen[0][0]) * 1000),
            "max_speed_mps": max(speeds),
            "min_speed_mps": min(speeds),
            "total_frames": len(seen),
            "length_m": length_m,
        }
        row = {"speed_kmh": round(max(speeds) * 3.6, 3) * (1 if inbound else -1), "length_m": length_m}
        return self._measured(t_s, _line(told), [row])

    def _speeds(self, t_s: float, seen: list[dict[str, float]]) -> bytes:
        if not seen:
            return b"0\r\n" if self.zero else b""
        scale = UNITS[self.unit][2]
        speeds = [round(target["speed_kmh"] * scale, self.decimals) for target in seen]
        magnitudes = [round(30000 / (10 + target["range_m"])) for target in seen]
        rows: list[Row] = [{"speed_kmh": round(speed / scale, 3)} for speed in speeds]
        if self.magnitude:
            for row, magnitude in zip(rows, magnitudes, strict=True):
                row["magnitude"] = magnitude
        return self._measured(t_s, self._report(t_s, speeds, magnitudes), rows)

    def _report(self, t_s: float, speeds: list[float], magnitudes: list[int]) -> bytes:
        on_s = round(t_s - self._on_s, 3)
        if not self.json:
            cells = [str(on_s)] * self.time + [str(magnitudes[0])] * self.magnitude + [f"{speeds[0]:.{self.decimals}f}"]
            return ",".join(cells).encode() + b"\r\n"
        alone = self.per_line == 1
        report: dict[str, object] = {"time": f"{on_s:.3f}"} if self.time else {}
        if self.units:
            report["unit"] = UNITS[self.unit][1]
        if self.magnitude:
            report["magnitude"] = magnitudes[0] if alone else magnitudes
        report["speed"] = speeds[0] if alone else speeds
        return _line(report)

    def _wanted(self, speed_kmh: float) -> bool:
        speed, (least, most) = abs(speed_kmh) * UNITS[self.unit][2], self.limits.values()
        if speed < least or (most and speed > most):
            return False
        return self.direction == "|" or (speed_kmh > 0) == (self.direction == "+")


def _line(reply: object) -> bytes:
    return json.dumps(reply, separators=(",", ":")).encode() + b"\r\n"
