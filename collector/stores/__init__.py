"""Where readings come to rest: one small interface, and one module per database behind it."""
