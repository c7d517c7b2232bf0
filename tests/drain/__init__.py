"""A backlog: `python -m tests.drain --days N --seed S`.

A station with six sensors at 1 Hz comes back after days without a link. How much faster than real time does its spool
drain, in the first five minutes, and how old are the live readings meanwhile when they are in the database? Real agent,
mosquitto, collector and InfluxDB; the backlog is written beforehand with the product's spool.
"""
