"""Frames built from the datasheets' text alone: a third reading beside profiles and stubs, sharing nothing with either.

Each function packs values into the bytes its manual describes, checksum included, and says what must be read from
them, in the names of the golden file. `records` draws the values: edges first (zero, the ends of the range, the sign,
what means "no value"), then by chance.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

Built = tuple[bytes, dict[str, Any]]
Draw = Callable[[int, int], int]


def _be(*words: int) -> bytes:
    return b"".join(word.to_bytes(2, "big", signed=word < 0) for word in words)


def _plantower_sum(data: bytes) -> bytes:
    """All bytes from the first, 16 bits, high byte first."""
    return data + _be(sum(data) % 65536)


def _winsen_sum(data: bytes) -> bytes:
    """NOT of the sum of bytes 1 to 7, plus 1."""
    return data + bytes([((0xFF ^ (sum(data[1:]) & 0xFF)) + 1) & 0xFF])


def _zero_sum(data: bytes) -> bytes:
    return data + bytes([-sum(data) % 256])


def modbus(data: bytes) -> bytes:
    """CRC-16 as the Modbus over serial line guide, appendix B, shifts it; low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return data + bytes((crc & 0xFF, crc >> 8))


def pms5003(draw: Draw) -> Built:
    cf1, atm = [draw(1, 5000) for _ in range(3)], [draw(0, 1000) for _ in range(3)]
    over = [draw(1, 65535) for _ in range(6)]
    frame = _plantower_sum(b"BM" + _be(28, *cf1, *atm, *over) + bytes((draw(0, 255), 0)))
    sizes = ("0_3", "0_5", "1_0", "2_5", "5_0", "10")
    told = {f"count_{size}_um_per_0_1_l": n for size, n in zip(sizes, over, strict=True)}
    names = ("pm1_0", "pm2_5", "pm10")
    told |= {f"{name}_cf1_ug_m3": value for name, value in zip(names, cf1, strict=True)}
    return frame, told | {f"{name}_atm_ug_m3": value for name, value in zip(names, atm, strict=True)}


def pms3003(draw: Draw) -> Built:
    cf1, atm = [draw(1, 5000) for _ in range(3)], [draw(1, 1000) for _ in range(3)]
    frame = _plantower_sum(b"BM" + _be(20, *cf1, *atm, draw(0, 65535), draw(0, 65535), draw(0, 65535)))
    return frame, {"pm2_5_cf1_ug_m3": cf1[1], "pm1_0_atm_ug_m3": atm[0], "pm10_atm_ug_m3": atm[2]}


def pms5003t(draw: Draw) -> Built:
    temp, rh = draw(-200, 990), draw(0, 1000)
    frame = _plantower_sum(b"BM" + _be(28, 3, 4, 5, 3, 4, 5, 900, 200, 30, 4, temp, rh) + b"\x9a\x00")
    return frame, {"temperature_c": temp / 10, "humidity_pct": rh / 10, "count_0_3_um_per_0_1_l": 900}


def pms5003st(draw: Draw) -> Built:
    hcho, temp, rh = draw(0, 2000), draw(-200, 990), draw(0, 1000)
    frame = _plantower_sum(b"BM" + _be(36, 3, 4, 5, 3, 4, 5, 900, 200, 30, 4, 2, 1, hcho, temp, rh, 0) + b"\x91\x00")
    return frame, {"formaldehyde_mg_m3": hcho / 1000, "temperature_c": temp / 10, "humidity_pct": rh / 10}


def sds011(draw: Draw) -> Built:
    pm25, pm10, device = draw(1, 9999), draw(1, 9999), draw(0, 65535)
    content = struct.pack("<HHH", pm25, pm10, device)
    frame = b"\xaa\xc0" + content + bytes([sum(content) & 0xFF, 0xAB])
    return frame, {"pm2_5_ug_m3": pm25 / 10, "pm10_ug_m3": pm10 / 10, "device_id_hex": content[4:].hex().upper()}


def sds198(draw: Draw) -> Built:
    pm100 = draw(1, 20000)
    content = struct.pack("<HHH", draw(0, 65535), pm100, draw(0, 65535))
    return b"\xaa\xcf" + content + bytes([sum(content) & 0xFF, 0xAB]), {"pm100_ug_m3": pm100}


def _shdlc(content: bytes) -> bytes:
    content += bytes([0xFF - (sum(content) & 0xFF)])
    stuffed = b""
    for byte in content:
        stuffed += {0x7E: b"\x7d\x5e", 0x7D: b"\x7d\x5d", 0x11: b"\x7d\x31", 0x13: b"\x7d\x33"}.get(byte, bytes([byte]))
    return b"\x7e" + stuffed + b"\x7e"


def sps30_float(draw: Draw) -> Built:
    values = [draw(1, 1_000_000) / 1000 for _ in range(10)]
    frame = _shdlc(bytes((0, 3, 0, 40)) + struct.pack(">10f", *values))
    return frame, {"format": "float", "pm1_0_ug_m3": values[0], "pm10_ug_m3": values[3],
                   "count_0_5_um_per_cm3": values[4], "count_10_um_per_cm3": values[8],
                   "typical_size_um": values[9]}  # fmt: skip


def sps30_integer(draw: Draw) -> Built:
    values = [draw(1, 1000) for _ in range(4)] + [draw(1, 3000) for _ in range(5)] + [draw(300, 3000)]
    frame = _shdlc(bytes((0, 3, 0, 20)) + struct.pack(">10H", *values))
    return frame, {"format": "uint16", "pm2_5_ug_m3": values[1], "pm4_0_ug_m3": values[2], "typical_size_nm": values[9]}


def hpma_s0(draw: Draw) -> Built:
    pm25, pm10 = draw(1, 1000), draw(1, 1000)
    return _zero_sum(b"\x40\x05\x04" + _be(pm25, pm10)), {"pm2_5_ug_m3": pm25, "pm10_ug_m3": pm10}


def hpma_s0_auto(draw: Draw) -> Built:
    pm25, pm10 = draw(1, 1000), draw(1, 1000)
    return _plantower_sum(b"BM" + _be(28, 0, pm25, pm10) + bytes(20)), {"pm2_5_ug_m3": pm25, "pm10_ug_m3": pm10}


def hpma_c0(draw: Draw) -> Built:
    values = [draw(1, 1000) for _ in range(4)]
    names = ("pm1_0_ug_m3", "pm2_5_ug_m3", "pm4_0_ug_m3", "pm10_ug_m3")
    return _zero_sum(b"\x40\x0d\x04" + _be(*values) + bytes(4)), dict(zip(names, values, strict=True))


def mhz19b(draw: Draw) -> Built:
    ppm = draw(1, 10000)
    return _winsen_sum(b"\xff\x86" + _be(ppm) + bytes((draw(0, 255), 0, 0, 0))), {"co2_ppm": ppm}


def zh03b(draw: Draw) -> Built:
    pm1, pm25, pm10 = draw(1, 1000), draw(1, 1000), draw(1, 1000)
    frame = _plantower_sum(b"BM" + _be(20, draw(0, 9), 0, 0, pm1, pm25, pm10, 0, 0, draw(0, 9)))
    return frame, {"pm1_0_ug_m3": pm1, "pm2_5_ug_m3": pm25, "pm10_ug_m3": pm10}


def zh03b_answer(draw: Draw) -> Built:
    pm25, pm10, pm1 = draw(1, 1000), draw(1, 1000), draw(1, 1000)
    return _winsen_sum(b"\xff\x86" + _be(pm25, pm10, pm1)), {
        "pm1_0_ug_m3": pm1,
        "pm2_5_ug_m3": pm25,
        "pm10_ug_m3": pm10,
    }


def ze07_formaldehyde(draw: Draw) -> Built:
    ug, ppb = draw(0, 6250), draw(0, 5000)
    frame = _winsen_sum(b"\xff\x86" + _be(ug) + b"\0\0" + _be(ppb))
    return frame, {"gas": "formaldehyde", "concentration_ug_m3": ug, "concentration_ppb": ppb}


def ze07_carbon_monoxide(draw: Draw) -> Built:
    tenths = draw(0, 5000)
    frame = _winsen_sum(b"\xff\x86" + _be(tenths) + bytes(4))
    return frame, {"gas": "carbon_monoxide", "concentration_ppm": tenths / 10}


def zphs01c(draw: Draw) -> Built:
    co2, rh, temp, pm25, pm10, pm1 = (draw(400, 5000), draw(0, 1000), draw(-400, 800), *(draw(0, 1000) for _ in "abc"))
    frame = _zero_sum(b"\x16\x0f\x02" + _be(co2, 103, rh, temp + 500, pm25, pm10, pm1))
    return frame, {"co2_ppm": co2, "voc_raw": 103, "humidity_pct": rh / 10, "temperature_c": temp / 10,
                   "pm2_5_ug_m3": pm25, "pm10_ug_m3": pm10, "pm1_0_ug_m3": pm1}  # fmt: skip


def cm1106(draw: Draw) -> Built:
    ppm = draw(1, 5000)
    return _zero_sum(b"\x16\x05\x01" + _be(ppm) + bytes((draw(0, 255), draw(0, 255)))), {"co2_ppm": ppm}


def senseair_s8(draw: Draw) -> Built:
    ppm = draw(1, 10000)
    return modbus(b"\xfe\x04\x02" + _be(ppm)), {"co2_ppm": ppm}


def scd30(draw: Draw) -> Built:
    co2, temp, rh = draw(400_000, 9_999_000) / 1000, draw(-40_000, 70_000) / 1000, draw(0, 100_000) / 1000
    frame = modbus(b"\x61\x03\x0c" + struct.pack(">3f", co2, temp, rh))
    co2 = struct.unpack(">f", struct.pack(">f", co2))[0]
    return frame, {"co2_ppm": co2, "temperature_c": temp, "humidity_pct": rh}


def nextpm(draw: Draw) -> Built:
    counts, mass = [draw(1, 65535) for _ in range(3)], [draw(0, 10000) for _ in range(3)]
    frame = _zero_sum(b"\x81\x11\x00" + _be(*counts, *mass))
    return frame, {"average_s": 10, "state": 0, "count_1_0_um_per_l": counts[0], "pm1_0_ug_m3": mass[0] / 10,
                   "pm2_5_ug_m3": mass[1] / 10, "pm10_ug_m3": mass[2] / 10}  # fmt: skip


def nextpm_climate(draw: Draw) -> Built:
    temp, rh = draw(-4000, 8500), draw(0, 10000)
    return _zero_sum(b"\x81\x14\x00" + _be(temp, rh)), {"temperature_c": temp / 100, "humidity_pct": rh / 100}


def nextpm_modbus(draw: Draw) -> Built:
    values = [draw(1, 3_000_000) for _ in range(18)]
    words = b"".join(_be(value & 0xFFFF, value >> 16) for value in values)
    return modbus(b"\x01\x03\x48" + words), {
        "count_1_0_um_per_l_avg_10s": values[0] / 1000,
        "pm10_ug_m3_avg_60s": values[11] / 1000,
        "pm2_5_ug_m3_avg_900s": values[16] / 1000,
    }


def weather_th(draw: Draw) -> Built:
    temp, rh = draw(-400, 800), draw(0, 1000)
    return modbus(b"\x01\x03\x04" + _be(temp, rh)), {"temperature_c": temp / 10, "humidity_pct": rh / 10}


def wmt700(draw: Draw) -> Built:
    values = [
        draw(0, 6000) / 100,
        draw(0, 36000) / 100,
        draw(0, 7500) / 100,
        draw(0, 6000) / 100,
        draw(-5000, 6000) / 100,
    ]
    supply = "23.8,23.6,24.0," if draw(0, 1) else ""  # message 24 tells them, 25 does not
    status = draw(0, 0x7FF)
    body = "$" + ",".join(f"{value:05.2f}" for value in values) + f",{supply}{status},"
    check = 0
    for character in body.encode():
        check ^= character
    names = ("wind_speed_avg_m_s", "wind_direction_avg_deg", "wind_speed_gust_m_s", "wind_speed_lull_m_s",
             "sonic_temperature_c")  # fmt: skip
    told = {"supply_voltage_v": 23.6} if supply else {}
    return f"{body}{check:02X}\r\n".encode(), dict(zip(names, values, strict=True)) | told | {"error_code": status}


def wxt(draw: Draw) -> Built:
    temp, rh, hpa, rain = draw(-520, 600) / 10, draw(0, 1000) / 10, draw(6000, 11000) / 10, draw(0, 9999) / 100
    body = f"0r0,Ta={temp:.1f}C,Ua={rh:.1f}P,Pa={hpa:.1f}H,Rc={rain:.2f}M"
    crc = 0
    for byte in body.encode():  # user's guide, appendix C
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    tail = bytes((0x40 | crc >> 12, 0x40 | crc >> 6 & 0x3F, 0x40 | crc & 0x3F))
    return body.encode() + tail + b"\r\n", {"temperature_c": temp, "humidity_pct": rh, "pressure_hpa": hpa}


def ops243(draw: Draw) -> Built:
    speed = draw(1, 900) / 10 * (1 if draw(0, 1) else -1)
    line = f'{{"unit":"mph","magnitude":{draw(10, 5000)},"speed":{speed}}}\r\n'
    return line.encode(), {"speed_mph": speed, "direction": "inbound" if speed > 0 else "outbound"}


def ld2451(draw: Draw) -> Built:
    angle, distance, speed, snr, coming = draw(-20, 20), draw(0, 100), draw(0, 120), draw(0, 255), draw(0, 1)
    target = bytes((0x80 + angle, distance, coming, speed, snr))
    frame = b"\xf4\xf3\xf2\xf1" + struct.pack("<H", 7) + b"\x01\x01" + target + b"\xf8\xf7\xf6\xf5"
    return frame, {"target_count": 1, "alarm": 1, "targets": [
        {"angle_deg": angle, "distance_m": distance, "direction_byte": coming, "speed_km_h": speed, "snr": snr}
    ]}  # fmt: skip


def _sign_magnitude(value: int) -> int:
    return value | 0x8000 if value >= 0 else -value


def ld2450(draw: Draw) -> Built:
    slots, told = b"", []
    for slot in range(3):
        if slot and draw(0, 1):
            slots += bytes(8)
            continue
        x, y, speed, step = draw(-6000, 6000), draw(1, 6000), draw(-500, 500), draw(1, 400)
        slots += struct.pack("<4H", _sign_magnitude(x), _sign_magnitude(y), _sign_magnitude(speed), step)
        told.append({"x_mm": x, "y_mm": y, "speed_cm_s": speed, "distance_resolution_mm": step})
    return b"\xaa\xff\x03\x00" + slots + b"\x55\xcc", {"target_count": len(told), "targets": told}


def ld2415h(draw: Draw) -> Built:
    tenths, sign = draw(10, 2500), "+-"[draw(0, 1)]
    direction = "approaching" if sign == "+" else "receding"
    return f"V{sign}{tenths / 10:05.1f}\r\n".encode(), {"speed_km_h": tenths / 10, "direction": direction}


def csr(draw: Draw) -> Built:
    speed, sign = draw(5, 240), "+-"[draw(0, 1)]
    direction = "approaching" if sign == "+" else "receding"
    return f"{sign}{speed:03d}".encode(), {"speed_km_h": speed, "direction": direction}


def csr_two_bytes(draw: Draw) -> Built:
    speed, head = draw(5, 240), 0xF8 + draw(0, 1)
    return bytes((head, speed)), {"speed_km_h": speed, "direction": "approaching" if head == 0xF9 else "receding"}


def mph(draw: Draw) -> Built:
    patrol, target = draw(0, 99), draw(4, 199)
    return bytes((2, 0x14, patrol, target, 0, 0, 3)), {
        "patrol_speed_mph": patrol if patrol > 3 else None,
        "target_speed_mph": target,
        "locked_speed_mph": None,
    }


def tfmini(draw: Draw) -> Built:
    distance, strength = draw(10, 1200), draw(100, 60000)
    data = b"\x59\x59" + struct.pack("<HHH", distance, strength, (draw(-20, 80) + 256) * 8)
    return data + bytes([sum(data) & 0xFF]), {"distance_cm": distance, "strength": strength}


def ultrasonic(draw: Draw) -> Built:
    mm = draw(20, 7500)
    data = b"\xff" + _be(mm)
    return data + bytes([sum(data) & 0xFF]), {"distance_mm": mm}


def gnss(draw: Draw) -> Built:
    south, west = draw(0, 1), draw(0, 1)
    lat, lon = (draw(0, 89), draw(0, 599999) / 10000), (draw(0, 179), draw(0, 599999) / 10000)
    altitude = draw(-4000, 88480) / 10
    body = (f"GNGGA,235959.00,{lat[0]:02d}{lat[1]:07.4f},{'NS'[south]},{lon[0]:03d}{lon[1]:07.4f},{'EW'[west]},"
            f"4,12,0.5,{altitude:.1f},M,-33.9,M,1.0,0000")  # fmt: skip
    check = 0
    for character in body.encode():
        check ^= character
    return f"${body}*{check:02x}\r\n".encode(), {
        "talker": "GN", "sentence": "GGA", "fix_quality": 4, "satellites": 12, "altitude_m": altitude,
        "latitude_deg": (lat[0] + lat[1] / 60) * (-1 if south else 1),
        "longitude_deg": (lon[0] + lon[1] / 60) * (-1 if west else 1),
    }  # fmt: skip


FAMILIES: dict[str, tuple[Callable[[Draw], Built], ...]] = {
    "plantower_pms5003": (pms5003,),
    "plantower_pms3003": (pms3003,),
    "plantower_pms5003t": (pms5003t,),
    "plantower_pms5003st": (pms5003st,),
    "nova_sds011": (sds011,),
    "nova_sds198": (sds198,),
    "sensirion_sps30": (sps30_float, sps30_integer),
    "honeywell_hpma115s0": (hpma_s0, hpma_s0_auto),
    "honeywell_hpma115c0": (hpma_c0,),
    "winsen_mhz19b": (mhz19b,),
    "winsen_zh03b": (zh03b, zh03b_answer),
    "winsen_ze07": (ze07_formaldehyde, ze07_carbon_monoxide),
    "winsen_zphs01c": (zphs01c,),
    "cubic_cm1106": (cm1106,),
    "senseair_s8": (senseair_s8,),
    "sensirion_scd30": (scd30,),
    "tera_nextpm": (nextpm, nextpm_climate),
    "tera_nextpm_modbus": (nextpm_modbus,),
    "rs485_modbus_weather": (weather_th,),
    "vaisala_wmt700": (wmt700,),
    "vaisala_wxt": (wxt,),
    "omnipresense_ops243a": (ops243,),
    "hilink_ld2451": (ld2451,),
    "hilink_ld2450": (ld2450,),
    "hilink_ld2415h": (ld2415h,),
    "hikvision_csr": (csr, csr_two_bytes),
    "mph_radar": (mph,),
    "benewake_tfmini": (tfmini,),
    "ultrasonic_ff": (ultrasonic,),
    "nmea_gnss": (gnss,),
}


def records(sensor: str, count: int) -> Iterator[dict[str, Any]]:
    """`count` measurements of each kind of frame of a sensor: lowest and highest values first, then by chance."""
    for build in FAMILIES[sensor]:
        chance = random.Random(f"{sensor} {build.__name__}")
        draws: list[Draw] = [min, max, *[chance.randint] * (count - 2)]
        for number, draw in enumerate(draws):
            data, expect = build(draw)
            yield {
                "id": f"{sensor}-{build.__name__}-{number}",
                "sensor": sensor,
                "kind": "measurement",
                "hex": data.hex(),
                "expect": expect,
            }
