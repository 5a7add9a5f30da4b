"""Small inputs with texts that must be kept: `python -m tests.cases FILE`."""
