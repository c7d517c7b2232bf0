"""A seeded simulation of the delivery protocol that runs the product's own spool, delivery and ingest.

    python -m tests.simulation --seeds 1000            the protocol: nothing lost, doubled or stuck
    python -m tests.simulation --seed 17 --world lies  one run again
    python -m tests.simulation --mutants --seeds 40    each rule switched off must be caught

One process, one source of chance, no real clock and no real network. Around the product's classes stand a disk that
can be cut, can lie and can be replaced, a broker that drops, doubles, delays, crashes and forgets, and a database that
goes away, refuses rows, and takes rows without saying so.
"""
