"""Vaisala WXT520 (user's guide M210906EN) and WMT700 (messages 24 and 25)."""

from __future__ import annotations

from typing import NamedTuple

from firmware_stubs.stub import Line, Row, Stub, World

SETTINGS = {
    "X": "A=0,M=P,T=0,C=2,I=0,B=19200,D=8,P=N,S=1,L=25,N=WXT520,V=2.14",
    "W": "R=01001000&00100100,I=5,A=3,G=1,U=M,D=0,N=W,F=4",
    "T": "R=11010000&11010000,I=60,P=H,T=C",
    "R": "R=10110100&10000000,I=60,U=M,S=M,M=R,Z=M",
    "S": "R=11110000&11000000,I=15,S=Y,H=Y",
}
"""What the transmitter tells of its settings (user's guide, "Viewing the settings")."""


class Wxt(Stub):
    """Answers `0R1` plainly and `0r1` + CRC with a CRC; a query with a wrong CRC is told which one would be right."""

    line = Line(19200)
    checksum_at = -3

    def __init__(self, weather: World | None = None, address: str = "0", automatic_s: float | None = None) -> None:
        super().__init__(weather)
        self.address, self.automatic_s = address, automatic_s
        self._reset_rain(0.0)

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s if self.automatic_s else None
        self._reset_rain(t_s)

    def _reset_rain(self, t_s: float) -> None:
        self._felt_s, self._fallen = t_s, {"rain_mm": 0.0, "rain_duration_s": 0.0}

    def _felt(self) -> dict[str, float]:
        """The world, and beside the rain's intensity what has fallen since power-up or a reset (Z=M)."""
        weather, passed_s = self.world(self.t_s), self.t_s - self._felt_s
        self._felt_s = self.t_s
        rate_mmh = weather.get("rain_rate_mmh", 0.0)
        if rate_mmh > 0:
            self._fallen["rain_mm"] += rate_mmh * passed_s / 3600
            self._fallen["rain_duration_s"] += passed_s
        return weather | self._fallen

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + (self.automatic_s or 0)
        return self._data("0", checked=True)

    def _command(self, data: bytes) -> tuple[int, bytes]:
        end = data.find(b"\n")
        if end < 0:
            return 0, b""
        return end + 1, self._answer(data[:end].rstrip(b"\r").decode("ascii", "replace"))

    def _answer(self, query: str) -> bytes:
        if query == "?":
            return self._line(self.address, checked=False)
        if query[:1] != self.address:
            return b""
        if query[1:2] == "R" and query[2:3] != "U":
            return self._data(query[2:3], checked=False)
        if query[1:2] == "r" and len(query) >= 5:
            right = _crc(query[:-3])
            if right != query[-3:]:
                return self._line(f"{self.address}tX,Use chksum {right}", checked=True)
            return self._data(query[2:-3], checked=True)
        if query[1:3] == "XZ":
            self._reset_rain(self.t_s)
            return self._line(f"{self.address}TX,{'Rain reset' if query[3:] else 'Start-up'}", checked=False)
        if query[1:2] in SETTINGS and query[2:] == "U":
            return self._line(f"{self.address}{query[1:]},{SETTINGS[query[1]]}", checked=False)
        return self._line(f"{self.address}TX,Unknown cmd error", checked=False)

    def _data(self, number: str, checked: bool) -> bytes:
        if number not in ("", "0", "1", "2", "3", "5"):
            return self._line(f"{self.address}TX,Unknown cmd error", checked=False)
        groups = {number} if number else {"1", "2", "3", "5"}
        return b"".join(self._group(group, checked) for group in sorted(groups))

    def _group(self, group: str, checked: bool) -> bytes:
        weather = self._felt()
        parts, row = [], {}
        for part in PARTS:
            if group in (part.group, "0"):
                value = weather.get(part.source or part.quantity, part.ordinary) * part.factor
                if value != value:
                    parts.append(f"{part.key}={format(0.0, part.form)}#")  # the mark of an invalid value
                    continue
                text = format(value, part.form)
                parts.append(f"{part.key}={text}{part.unit}")
                row[part.quantity] = float(text)
        frame = self._line(f"{self.address}{'r' if checked else 'R'}{group},{','.join(parts)}", checked)
        return self._measured(self.t_s, frame, [row])

    def _line(self, text: str, checked: bool) -> bytes:
        return (text + (_crc(text) if checked else "") + "\r\n").encode()


class Part(NamedTuple):
    """One value of a data message: its group and key, the quantity, unit letter and form, and where it comes from."""

    group: str
    key: str
    quantity: str
    unit: str
    form: str
    ordinary: float
    source: str = ""
    factor: float = 1.0


PARTS = (
    Part("1", "Dm", "wind_dir_deg", "D", "03.0f", 180.0),
    Part("1", "Sn", "wind_speed_min_ms", "M", ".1f", 2.5, "wind_speed_ms", 0.6),
    Part("1", "Sm", "wind_speed_ms", "M", ".1f", 2.5),
    Part("1", "Sx", "wind_speed_max_ms", "M", ".1f", 2.5, "wind_speed_ms", 1.6),
    Part("2", "Ta", "temp_c", "C", ".1f", 20.0),
    Part("2", "Ua", "rh_pct", "P", ".1f", 50.0),
    Part("2", "Pa", "press_hpa", "H", ".1f", 1013.2),
    Part("3", "Rc", "rain_mm", "M", ".2f", 0.0),
    Part("3", "Rd", "rain_duration_s", "s", ".0f", 0.0),
    Part("3", "Ri", "rain_rate_mmh", "M", ".1f", 0.0),
    Part("3", "Hc", "hail_hits_per_cm2", "M", ".1f", 0.0),
    Part("3", "Hd", "hail_duration_s", "s", ".0f", 0.0),
    Part("3", "Hi", "hail_rate_per_cm2h", "M", ".1f", 0.0),
    Part("5", "Th", "heater_temp_c", "C", ".1f", 25.1),
    Part("5", "Vh", "heater_v", "N", ".1f", 0.0),
    Part("5", "Vs", "supply_v", "V", ".1f", 15.2),
    Part("5", "Vr", "reference_v", "V", ".3f", 3.475),
)


def _crc(text: str) -> str:
    register = 0
    for byte in text.encode():
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return "".join(chr(0x40 | part) for part in (register >> 12, (register >> 6) & 0x3F, register & 0x3F))


class Wmt700(Stub):
    """A comma-separated line a second, and one for each `$aPOLL,24` or 25; the last field is the xor of all before it.

    Address 0 in a request is whatever sensor hears it. What the element does not give is 999.
    """

    line = Line(9600)
    checksum_at = -3

    def __init__(self, weather: World | None = None, address: str = "A", automatic: bool = True) -> None:
        super().__init__(weather)
        self.address, self.automatic, self.status = address, automatic, 0

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s if self.automatic else None

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1
        return self._message(t_s, 25)

    def _command(self, data: bytes) -> tuple[int, bytes]:
        end = data.find(b"\n")
        if end < 0:
            return 0, b""
        asked = data[:end].decode("ascii", "replace").strip()
        for number in (24, 25):
            if asked in (f"${self.address}POLL,{number}", f"$0POLL,{number}"):
                return end + 1, self._message(self.t_s, number)
        return end + 1, b""

    def _message(self, t_s: float, number: int) -> bytes:
        weather = self.world(t_s)
        speed = weather.get("wind_speed_ms", 2.5)
        wind = (speed, weather.get("wind_dir_deg", 180.0), speed * 1.5, speed * 0.7, weather.get("temp_c", 20.0))
        numbers = [f"{999.0 if value != value else value:05.2f}" for value in wind]
        names = ["wind_speed_ms", "wind_dir_deg", "wind_speed_max_ms", "wind_speed_min_ms", "sonic_temp_c"]
        if number == 24:
            numbers += ["23.8", "23.6", "24.1"]
            names += ["heater_v", "supply_v"]
        text = "$" + ",".join([*numbers, str(self.status), ""])
        check = 0
        for byte in text.encode():
            check ^= byte
        row: Row = {name: float(told) for name, told in zip(names, numbers, strict=False) if told != "999.00"}
        return self._measured(t_s, f"{text}{check:02X}\r\n".encode(), [row])
