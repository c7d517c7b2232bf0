"""A sensor as its settings want it: for the agent that runs it, and for those who look at settings or at a port."""

from device_profiles.catalogue import Catalogue
from edge_agent.sensors.sensor import Sensor, counter_of
from edge_agent.settings.config import Sensor as SensorConfig


def sensor_of(catalogue: Catalogue, wants: SensorConfig) -> Sensor:
    """Raises UnknownProfile, NotUsable or ValueError."""
    profile = catalogue.get(wants.profile).with_options(wants.options)
    lanes = wants.lane, tuple(wants.directions), wants.interval_s, wants.one_way, wants.angle_deg
    traffic = counter_of(profile, wants.name, *lanes)
    return Sensor(wants.name, profile, traffic, wants.mode, wants.period_s)
