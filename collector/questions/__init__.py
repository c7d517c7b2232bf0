"""Canned questions: what operators ask most, asked well, in every dialect the databases speak."""
