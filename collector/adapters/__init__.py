"""Adapters: other people's formats, made into the same batches as an agent's, at the collector's edge.

An adapter is a pure function from what was sent to blocks of readings (see airrohr.py); `Guests` gives it a place: it
makes the batches, waits for their acknowledgement and tells the sender. Everything behind it, checks, flags, ledger,
windows and rules, is the way of every batch. On the agent's side the seam is the profile: a sensor is data.
"""
