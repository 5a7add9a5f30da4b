"""Small inputs with needles, the texts that must be kept: `python -m tests.cases FILE`."""
