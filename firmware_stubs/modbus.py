"""A Modbus RTU slave, from the Modbus over serial line specification V1.02 and application protocol V1.1b3."""

from __future__ import annotations

from firmware_stubs.stub import Line, Row, Stub, World, word

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
REQUEST_BYTES = 8


class ModbusSlave(Stub):
    """Answers functions 03, 04 and 06 for one address. A subclass says its registers."""

    line = Line(9600)
    any_addresses: tuple[int, ...] = ()
    count_max = 125

    def __init__(self, world: World | None = None, address: int = 1) -> None:
        super().__init__(world)
        self.address = address

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if len(data) < REQUEST_BYTES:
            return 0, b""
        request = data[:REQUEST_BYTES]
        if crc(request[:6]) != request[6:]:
            return 1, b""
        if request[0] != self.address and request[0] not in self.any_addresses:
            return REQUEST_BYTES, b""
        first, value = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        function = request[1]
        if function == 6:
            good = self._write(first, value)
            return REQUEST_BYTES, request if good else self._exception(request, ILLEGAL_ADDRESS)
        if function not in (3, 4):
            return REQUEST_BYTES, self._exception(request, ILLEGAL_FUNCTION)
        if not 1 <= value <= self.count_max:
            return REQUEST_BYTES, self._exception(request, ILLEGAL_VALUE)
        return REQUEST_BYTES, self._read_registers(request, function, first, value)

    def _read_registers(self, request: bytes, function: int, first: int, count: int) -> bytes:
        registers, row = self._read(function, first, count)
        if registers is None:
            return self._exception(request, ILLEGAL_ADDRESS)
        body = bytes((request[0], function, 2 * count)) + b"".join(value.to_bytes(2, "big") for value in registers)
        frame = body + crc(body)
        return self._measured(self.t_s, frame, [row]) if row else frame

    def _exception(self, request: bytes, code: int) -> bytes:
        body = bytes((request[0], request[1] | 0x80, code))
        return body + crc(body)

    def _read(self, function: int, first: int, count: int) -> tuple[list[int] | None, Row]:
        """Registers, and what they measure when they do."""
        raise NotImplementedError

    def _write(self, register: int, value: int) -> bool:  # noqa: ARG002
        """Take a single register; False when it does not exist."""
        return False


def crc(data: bytes) -> bytes:
    """Polynomial A001 reflected, start FFFF, low byte first; bit by bit as the specification prints it."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return bytes((register & 0xFF, register >> 8))


class Transmitter(ModbusSlave):
    """RS-485 weather transmitter: two holding registers, temperature and humidity in tenths (RS485-TH manual)."""

    def __init__(self, world: World | None = None, address: int = 1, kind: str = "th", echo: bool = False) -> None:
        super().__init__(world, address)
        self.kind, self.echo = kind, echo

    def receive(self, data: bytes) -> bytes:
        """As any slave; with `echo` the adapter lets the host hear its own request first."""
        return (data if self.echo else b"") + super().receive(data)

    def _read(self, function: int, first: int, count: int) -> tuple[list[int] | None, Row]:  # noqa: ARG002
        weather = self.world(self.t_s)
        if self.kind == "noise":
            tenths = word(10 * weather.get("noise_db", 62.0))
            return ([tenths], {"noise_db": tenths / 10}) if (first, count) == (0, 1) else (None, {})
        if first + count > 2:
            return None, {}
        if self.kind == "wind":
            pair = [word(100 * weather.get("wind_speed_ms", 2.5)), word(100 * weather.get("wind_dir_deg", 180.0))]
            row = {"wind_speed_ms": pair[0] / 100, "wind_dir_deg": pair[1] / 100}
        else:
            pair = [_signed(10 * weather.get("temp_c", 20.0)), word(10 * weather.get("rh_pct", 50.0))]
            row = {"temp_c": pair[0] / 10, "rh_pct": pair[1] / 10}
        return [value & 0xFFFF for value in pair[first : first + count]], row if count == 2 else {}


class XyMd02(ModbusSlave):
    """XY-MD02: input registers 1 and 2 in tenths, settings in holding registers 101h to 104h, and no others."""

    def __init__(self, world: World | None = None, address: int = 1) -> None:
        super().__init__(world, address)
        self.corrections = [0, 0]

    def _read(self, function: int, first: int, count: int) -> tuple[list[int] | None, Row]:
        if function == 3:
            settings = [self.address, 9600, *self.corrections]
            at = first - 0x101
            return (settings[at : at + count] if at >= 0 and at + count <= len(settings) else None), {}
        if first < 1 or first + count > 3:
            return None, {}
        weather = self.world(self.t_s)
        pair = [_signed(10 * weather.get("temp_c", 20.0)), word(10 * weather.get("rh_pct", 50.0))]
        row = {"temp_c": pair[0] / 10, "rh_pct": pair[1] / 10}
        return [value & 0xFFFF for value in pair[first - 1 : first - 1 + count]], row if count == 2 else {}

    def _write(self, register: int, value: int) -> bool:
        if register == 0x101 and 1 <= value <= 247:
            self.address = value
        elif register in (0x103, 0x104):
            self.corrections[register - 0x103] = value
        return 0x101 <= register <= 0x104


def _signed(value: float) -> int:
    """A rounded number in two's complement; the largest there is where the element gives nothing."""
    return 0x7FFF if value != value else round(value)
