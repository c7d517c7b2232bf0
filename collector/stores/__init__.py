"""Databases for readings: one small interface, and one module per database behind it."""
