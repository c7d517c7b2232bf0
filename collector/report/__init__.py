"""The report of a day or a week: what the stations measured, how complete it was, what was told."""
