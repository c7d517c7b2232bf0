"""Thousands of virtual nodes in one process: each with its own connection, client id, acknowledgements and resends."""
