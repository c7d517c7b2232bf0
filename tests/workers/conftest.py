"""A webhook that notes what it is told, for each test that wants one."""

from tests.alerts.conftest import receiver

__all__ = ["receiver"]
