"""Setting up from a phone: one page on this device, for one person, for a quarter of an hour. See decision 71."""
