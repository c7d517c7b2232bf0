"""The verdict: what the sensors meant against what a database holds."""
