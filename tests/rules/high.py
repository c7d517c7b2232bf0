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
