"""Are the settings usable, and does every sensor in them have a profile?"""

from __future__ import annotations

from edge_agent.doctor.result import Result, Station, fail, ok, skip
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
        return fail(check, str(failure), cure)
    count = len(settings.sensors)
    return ok(check, f"{station.config_file}, {count} sensor{'' if count == 1 else 's'}")


def profile_exists(station: Station) -> Result:
    """Every sensor's profile is known."""
    check = "profile.exists"
    if station.settings is None:
        return skip(check, "needs config.valid")
    unknown = [name for name, profile in station.profiles.items() if profile is None]
    if unknown:
        return fail(check, f"no usable profile for {', '.join(unknown)}", "lamppost agent config check names the line")
    return ok(check, ", ".join(sorted({profile.ref for profile in station.profiles.values() if profile})))
