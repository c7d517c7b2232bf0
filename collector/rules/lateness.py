"""How much older than the newest of its series a reading may be and still decide; one number for all rules."""

from typing import Final

from wire.times import MINUTE_MS

LATENESS_MS: Final = 2 * MINUTE_MS
