"""Chaos: `python -m tests.chaos --kills N --readings N --seed S`.

Real agents and collectors, mosquitto on its default configuration and InfluxDB; between them a proxy of our own that
delays, slices, starves, resets and swallows; a seeded killer of each of the four. Every reading carries a number of its
own. An agent's commits are noted as they return, outside the agent, and in the end the database is read: what was
accepted and is neither stored nor in quarantine nor in a gap record is lost, what stands at two times is doubled.
"""
