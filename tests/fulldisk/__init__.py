"""A full disk: `python -m tests.fulldisk --cycles N --seed S`.

A real agent keeps its spool on a file system of 32 MiB that somebody else fills to the last byte and frees again, over
and over; for half of the time the collector is away as well, so that the spool outgrows its limit and is thinned. In
the end every reading is accounted for: accepted == stored + quarantined + gaps, and what memory could not hold while
the disk was full stands in gap records of its own. Needs root, for the loop mount.
"""
