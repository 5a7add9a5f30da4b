"""Runs of the command line that are disturbed: `python -m tests.chaos`."""
