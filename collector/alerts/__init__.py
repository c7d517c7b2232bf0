"""Alerts of a running collector: rules, duty desk and outbox over one state file."""
