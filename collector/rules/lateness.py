"""How much older than the newest of its series a reading may be and still decide; one number for all rules."""

from typing import Final

LATENESS_MS: Final = 120_000
