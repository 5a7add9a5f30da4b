"""`python -m tests.golden`: rewrite the expected outputs. Read the diff before committing it."""

from __future__ import annotations

from tests.golden.cases import CASES, EXPECTED, output

if __name__ == "__main__":
    for path in EXPECTED.iterdir():
        path.unlink()
    for name in CASES:
        (EXPECTED / name).write_bytes(output(name))
