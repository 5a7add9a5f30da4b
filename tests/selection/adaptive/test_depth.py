"""Depths of units: functions of the ranked probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.selection.adaptive.depth import DEPTHS, depths

probabilities = st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]) | st.floats(0, 1, width=32), min_size=1, max_size=20)


@given(probabilities, st.sampled_from(sorted(DEPTHS)), st.floats(0, 40), st.floats(0, 40))
def test_a_larger_depth_keeps_a_superset(found, definition, one, other):
    """The best unit is in every set, better units before worse ones, and equal ones together."""
    probability = np.array(found, dtype=np.float32)
    depth = depths(probability, definition)
    small, large = ({i for i, at in enumerate(depth) if at <= limit} for limit in sorted((one, other)))
    assert small <= large
    assert int(np.argmax(probability)) in small
    assert (depth >= 0).all()
    for i, p in enumerate(probability):
        for j, q in enumerate(probability):
            assert depth[i] <= depth[j] if p > q else p < q or depth[i] == depth[j]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("certainty", [0.0, 0.5, 0.8]),
        ("best", [0.0, 0.375, 0.75]),
        ("mass", [0.0, 0.8 / 1.5, 1.3 / 1.5]),
        ("odds", [0.0, np.log(4), np.log(16)]),
        ("complete", [0.0, 0.5 * 0.8, 0.8]),
    ],
)
def test_depths_by_hand(definition, expected):
    """The probabilities are 0.8, 0.5 and 0.2, in another order."""
    assert depths(np.array([0.5, 0.2, 0.8]), definition) == pytest.approx([expected[1], expected[2], 0])


@pytest.mark.parametrize("definition", sorted(DEPTHS))
def test_units_without_any_probability_are_kept_together(definition):
    """They all have depth 0. Without units there are no depths."""
    assert depths(np.zeros(3), definition).tolist() == [0, 0, 0]
    assert depths(np.zeros(0), definition).tolist() == []
