"""Scenarios: what happens to a city and to the system in it, as data."""
