"""What the collector keeps in files of its own, beside the database."""
