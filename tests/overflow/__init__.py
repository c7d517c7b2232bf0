"""`python -m tests.overflow --agents N --pause S --seed S`: a queue that overflows.

A broker drops what its queues do not hold, and answers "Success" all the same: nothing is lost (fault F7).

Many agents send to a collector that stands still; the broker may hold 20 messages for it and throws the rest away. The
agents are the product's spool, delivery and uplink, many to a process; the collector is a process that is stopped.
"""
