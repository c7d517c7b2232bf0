"""Every impersonator by the name of the model it plays. Keyword arguments set its physical inputs and its manners."""

from __future__ import annotations

from collections.abc import Callable

from firmware_stubs import (
    cubic,
    gill,
    gnss,
    hilink,
    honeywell,
    modbus,
    nova,
    omnipresense,
    panasonic,
    plantower,
    radars,
    rangers,
    renke,
    senseair,
    sensirion,
    tera,
    vaisala,
    winsen,
)
from firmware_stubs.stub import Stub

MODELS: dict[str, Callable[..., Stub]] = {
    "plantower-pms5003": plantower.Pms5003,
    "plantower-pms3003": plantower.Pms3003,
    "plantower-pms5003s": plantower.Pms5003s,
    "plantower-pms5003t": plantower.Pms5003t,
    "plantower-pms5003st": plantower.Pms5003st,
    "panasonic-sn-gcja5": panasonic.SnGcja5,
    "nova-sds011": nova.Sds011,
    "nova-sds198": nova.Sds198,
    "sensirion-sps30": sensirion.Sps30,
    "sensirion-scd30": sensirion.Scd30,
    "honeywell-hpma115s0": honeywell.HpmaS0,
    "honeywell-hpma115c0": honeywell.HpmaC0,
    "winsen-mhz19b": winsen.Mhz19b,
    "winsen-zh03b": winsen.Zh03b,
    "winsen-ze07": winsen.Ze07,
    "winsen-zphs01b": winsen.Zphs01b,
    "winsen-zphs01c": winsen.Zphs01c,
    "cubic-cm1106": cubic.Cm1106,
    "cubic-pm1003": cubic.Pm1003,
    "senseair-s8": senseair.S8,
    "tera-nextpm": tera.NextPm,
    "tera-nextpm-modbus": tera.NextPmModbus,
    "rs485-modbus-weather": modbus.Transmitter,
    "xy-md02": modbus.XyMd02,
    "renke-rs-fsxcs": renke.Fsxcs,
    "vaisala-wxt": vaisala.Wxt,
    "vaisala-wmt700": vaisala.Wmt700,
    "gill-windsonic": gill.WindSonic,
    "omnipresense-ops243a": omnipresense.Ops243,
    "hilink-ld2451": hilink.Ld2451,
    "hilink-ld2450": hilink.Ld2450,
    "hilink-ld2415h": hilink.Ld2415h,
    "hikvision-csr": radars.Csr,
    "mph-radar": radars.Mph,
    "agd-315": radars.Agd315,
    "benewake-tfmini": rangers.TfMini,
    "ultrasonic-ff": rangers.Ultrasonic,
    "nmea-gnss": gnss.Gnss,
    "maxbotix-hrxl": rangers.Hrxl,
}
RADARS = frozenset(
    {
        "omnipresense-ops243a",
        "hilink-ld2451",
        "hilink-ld2450",
        "hilink-ld2415h",
        "hikvision-csr",
        "mph-radar",
        "agd-315",
    }
)
"""Models whose input is `targets` and not a world."""
