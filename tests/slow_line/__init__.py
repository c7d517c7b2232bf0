"""A very slow line: `python -m tests.slow_line --bytes 120 --seed S`.

A station behind a radio link of some hundred bytes a second, with packets lost and a modem that queues minutes of them.
Real TCP, agent, mosquitto, collector and InfluxDB. Is it served at all, and how old are its live readings?
"""
