"""Nova SDS011 and SDS198, from the specification V1.0 (data frame) and control protocol V1.3 (commands)."""

from __future__ import annotations

from firmware_stubs.stub import Line, Stub, World, word

COMMAND_BYTES = 19


class Sds011(Stub):
    """AA C0 and two little-endian words in tenths; answers AA C5. Asleep it obeys nothing but the wake command."""

    line = Line(9600)
    checksum_at = -2

    def __init__(self, air: World | None = None, device_id: bytes = b"\xa1\x60", zero_after_wake: int = 0) -> None:
        super().__init__(air)
        self.device_id = device_id
        self.active = self.awake = True
        self.period_min = 0
        self._zero_after_wake, self._zeros_left = zero_after_wake, 0

    def _power_on(self, t_s: float) -> None:
        self._due_s = t_s

    def _push(self, t_s: float) -> bytes:
        self._due_s = t_s + (60.0 * self.period_min or 1.0)
        return self._data(t_s)

    def _command(self, data: bytes) -> tuple[int, bytes]:
        if data[0] != 0xAA or (len(data) > 1 and data[1] != 0xB4):
            return 1, b""
        if len(data) < COMMAND_BYTES:
            return 0, b""
        if data[18] != 0xAB or sum(data[2:17]) & 0xFF != data[17]:
            return 1, b""  # ignored silently, seen in the field
        if data[15:17] not in (b"\xff\xff", self.device_id):
            return COMMAND_BYTES, b""
        return COMMAND_BYTES, self._obey(data[2], data[3], data[4], data[13:15])

    def _obey(self, command: int, write: int, value: int, new_id: bytes) -> bytes:
        if not self.awake and not (command == 6 and write == 1 and value == 1):
            return b""
        if command == 2:
            if write:
                self.active = value == 0
                self._reschedule()
            return self._reply(2, write, 0 if self.active else 1)
        if command == 4:
            return self._data(self.t_s)
        if command == 5:
            self.device_id = new_id
            return self._reply(5, 0, 0)
        if command == 6:
            if write:
                self._sleep_or_work(value == 1)
            return self._reply(6, write, 1 if self.awake else 0)
        if command == 7:
            return self._reply(7, 15, 7, 10)  # firmware of 10 July 2015, as the protocol prints
        if command == 8:
            if write:
                self.period_min = min(value, 30)
                self._reschedule()
            return self._reply(8, write, self.period_min)
        return b""

    def _sleep_or_work(self, work: bool) -> None:
        if work and not self.awake:
            self._zeros_left = self._zero_after_wake
        self.awake = work
        self._reschedule()

    def _reschedule(self) -> None:
        self._due_s = self.t_s + 1.0 if self.awake and self.active else None

    def _data(self, t_s: float) -> bytes:
        air = self.world(t_s)
        pm25 = air.get("pm25_ugm3", 12.0)
        tenths = [min(word(10 * pm25), 9999), min(word(10 * air.get("pm10_ugm3", pm25 * 1.5)), 9999)]
        if self._zeros_left:
            self._zeros_left -= 1
            tenths = [0, 0]
        body = b"".join(value.to_bytes(2, "little") for value in tenths) + self.device_id
        frame = b"\xaa\xc0" + body + bytes((sum(body) & 0xFF, 0xAB))
        return self._measured(t_s, frame, [{"pm25_raw_ugm3": tenths[0] / 10, "pm10_raw_ugm3": tenths[1] / 10}])

    def _reply(self, *fields: int) -> bytes:
        body = bytes(fields).ljust(4, b"\0") + self.device_id
        return b"\xaa\xc5" + body + bytes((sum(body) & 0xFF, 0xAB))


class Sds198(Sds011):
    """AA CF: PM100 in whole µg/m³ in the second word; the first is not explained."""

    def _data(self, t_s: float) -> bytes:
        air = self.world(t_s)
        pm100 = word(air.get("pm100_ugm3", air.get("pm10_ugm3", 20.0) * 1.4))
        body = word(pm100 * 0.7).to_bytes(2, "little") + pm100.to_bytes(2, "little") + self.device_id
        frame = b"\xaa\xcf" + body + bytes((sum(body) & 0xFF, 0xAB))
        return self._measured(t_s, frame, [{"pm100_raw_ugm3": pm100}])
