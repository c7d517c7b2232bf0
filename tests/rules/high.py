"""The plainest of rules: one value above a level, until it is below another."""

from collector.rules.parsing import parse

HIGH = parse(
    [
        {
            "alert": "high",
            "kind": "air_quality",
            "window": {"last": "pm25_ugm3"},
            "raise": "> 75",
            "clear": "< 60",
            "text": {"zh": "过高", "en": "too high"},
        }
    ]
)
(PM25_HIGH,) = parse(
    [
        {
            "alert": "pm25-high",
            "kind": "air_quality",
            "window": {"last": "pm25_ugm3"},
            "raise": "> 75",
            "text": {"zh": "PM2.5 过高", "en": "PM2.5 too high"},
        }
    ]
)
"""The same as people read it, and without a level of its own at which it clears."""
