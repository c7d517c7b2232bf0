"""Telling people and machines: channels, and the threads that empty the outbox into them."""
