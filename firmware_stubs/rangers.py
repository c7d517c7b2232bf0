"""Rangers: Benewake TFmini Plus (product manual A04) and the ultrasonic sensors with FF frames."""

from __future__ import annotations

from firmware_stubs.stub import Line, Row, Stub, World, word


class TfMini(Stub):
    """59 59, distance in cm, strength, temperature, sum; a hundred times a second unless told otherwise."""

    line = Line(115200)

    def __init__(self, world: World | None = None, rate_hz: int = 100) -> None:
        super().__init__(world)
        self.rate_hz, self.output, self.unit = rate_hz, True, 1

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0x5A:
            return 1, b""
        if len(data) < 2 or len(data) < data[1]:
            return 0, b""
        size = data[1]
        if not 4 <= size <= 8 or sum(data[: size - 1]) & 0xFF != data[size - 1]:
            return 1, b""
        return size, self._answer(data[2], data[3 : size - 1])

    def _answer(self, command: int, data: bytes) -> bytes:
        if command == 0x01:
            return _summed(b"\x5a\x07\x01\x05\x00\x02")
        if command in (0x02, 0x10, 0x11):
            return _summed(bytes((0x5A, 5, command, 0)))
        if command == 0x04:
            return self._distance(self.t_s)
        if command == 0x03 and len(data) == 2:
            self.rate_hz = min(int.from_bytes(data, "little"), 1000)
        elif command == 0x05 and data[:1] in (b"\1", b"\2", b"\6"):
            self.unit = data[0]
        elif command == 0x07:
            self.output = data != b"\0"
        self._due_s = self.t_s + 1 / self.rate_hz if self.output and self.rate_hz else None
        return _summed(bytes((0x5A, 4 + len(data), command)) + data)

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 1 / self.rate_hz
        return self._distance(t_s)

    def _distance(self, t_s: float) -> bytes:
        world = self.world(t_s)
        range_cm, strength = word(100 * world.get("range_m", 6.0)), word(world.get("strength", 900.0))
        if strength < 100:
            range_cm = 0
        row: Row = {"range_m": range_cm / 100, "magnitude": strength}
        if self.unit == 2:
            return self._measured(t_s, f"{range_cm / 100:.2f}\r\n".encode(), [{"range_m": range_cm / 100}])
        chip = word(8 * (world.get("temp_c", 20.0) + 276))
        body = b"YY" + b"".join(value.to_bytes(2, "little") for value in (range_cm, strength, chip))
        return self._measured(t_s, _summed(body), [row])


class Ultrasonic(Stub):
    """FF, millimetres high byte first, sum; ten times a second, or once for any byte heard."""

    line = Line(9600)

    def __init__(self, world: World | None = None, triggered: bool = False) -> None:
        super().__init__(world)
        self.triggered = triggered

    def _power_on(self, t_s: float) -> None:
        self._due_s = None if self.triggered else t_s

    def _command(self, data: bytes) -> tuple[int, bytes]:
        return len(data), self._distance(self.t_s) if self.triggered else b""

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 0.1
        return self._distance(t_s)

    def _distance(self, t_s: float) -> bytes:
        mm = word(1000 * self.world(t_s).get("range_m", 3.0))
        return self._measured(t_s, _summed(b"\xff" + mm.to_bytes(2, "big")), [{"range_m": mm / 1000}])


def _summed(body: bytes) -> bytes:
    return body + bytes((sum(body) & 0xFF,))


NO_TARGET = 9999


class Hrxl(Stub):
    """MaxBotix HRXL-MaxSonar-WR of 10 m: `Rdddd` CR in millimetres, 7.5 times a second (datasheet, pin 5)."""

    line = Line(9600)
    checksum_at = None

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + 0.133
        mm = min(max(word(1000 * self.world(t_s).get("range_m", 3.0)), 300), NO_TARGET)
        return self._measured(t_s, f"R{mm:04d}\r".encode(), [{} if mm == NO_TARGET else {"range_m": mm / 1000}])
