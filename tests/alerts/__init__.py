"""Alerts of a running collector: told, kept, carried over kills."""
