"""Data that leaves and comes back: exports that anybody can read, and the import of history."""
