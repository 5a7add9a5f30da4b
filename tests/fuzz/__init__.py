"""Fuzzing: `python -m tests.fuzz`."""
