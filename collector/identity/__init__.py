"""Identities: who may speak at the broker, by which certificate, how long, and how it ends."""
