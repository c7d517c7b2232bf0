"""Are the settings usable, and does every sensor in them have a profile?"""

from __future__ import annotations

from edge_agent.doctor.result import Result, Station, fail, needs, ok, skip
from wire.both import Both, same, zh
from wire.exits import Failure


def config_valid(station: Station) -> Result:
    """The file loads: syntax, keys, types, names."""
    from common.settings import load_settings
    from edge_agent.settings.config import Config

    check = "config.valid"
    try:
        settings = load_settings(Config, station.config_file, "lamppost agent setup")
    except Failure as failure:
        cure = "sudo lamppost agent config edit" if failure.word == "config-invalid" else failure.cure
        return fail(check, same(failure.message), same(cure))
    count = len(settings.sensors)
    sensors = Both(f"{count} sensor{'' if count == 1 else 's'}", f"{count} 个传感器")
    return ok(check, Both(f"{station.config_file}, {sensors}", f"{station.config_file}，{zh(sensors)}"))


def profile_exists(station: Station) -> Result:
    """Every sensor's profile is known."""
    check = "profile.exists"
    if station.settings is None:
        return skip(check, needs("config.valid"))
    unknown = [name for name, profile in station.profiles.items() if profile is None]
    if unknown:
        text = Both(f"no usable profile for {', '.join(unknown)}", f"没有可用的型号文件：{'、'.join(unknown)}")
        cure = Both("lamppost agent config check names the line", "出错的行见 lamppost agent config check")
        return fail(check, text, cure)
    return ok(check, same(", ".join(sorted({profile.ref for profile in station.profiles.values() if profile}))))
