"""Hostile inputs against the running system: every case of a file, each in the middle of good traffic."""
