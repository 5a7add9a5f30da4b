"""The output of the main formats is what `expected/` holds."""

from __future__ import annotations

import pytest

from tests.golden.cases import CASES, EXPECTED, output


@pytest.mark.parametrize("name", CASES)
def test_output_is_the_expected_file(name):
    """Byte for byte. After an intended change: `python -m tests.golden`, and read the diff."""
    assert output(name).decode() == (EXPECTED / name).read_bytes().decode()


def test_every_expected_file_has_a_case():
    """A file that nothing compares would go stale."""
    assert {path.name for path in EXPECTED.iterdir()} == set(CASES)
