"""Several workers under one receiver."""
