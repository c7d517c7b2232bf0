"""The desk: what people decide and say, in one SQLite file. Reports and answers, changes, accounts, the trail."""
