"""Setting up a station: the same answers from a person on a ladder, from a file, or from a QR code."""
