"""Metrics of rankings, probabilities and thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxzip.evaluation.metrics import (
    at_threshold,
    average_precision,
    best_threshold,
    expected_calibration_error,
    f1,
    ratio_for_recall,
    roc_auc,
)

# Few values, so that there are ties.
ranked = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=20)


def arrays(pairs):
    return np.array([score for score, _ in pairs], dtype=np.float32), np.array([label for _, label in pairs])


@given(ranked)
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs):
    """Ties count half. Without a pair there is no AUC."""
    scores, labels = arrays(pairs)
    comparisons = [
        1.0 if positive > negative else 0.5 if positive == negative else 0.0
        for positive in scores[labels]
        for negative in scores[~labels]
    ]
    auc = roc_auc(scores, labels)
    assert auc == (pytest.approx(sum(comparisons) / len(comparisons)) if comparisons else None)


@given(ranked)
def test_average_precision_is_precision_at_each_threshold_weighted_by_gained_recall(pairs):
    """The test computes it by the definition, threshold by threshold."""
    scores, labels = arrays(pairs)
    total, recall = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        kept = scores >= threshold
        reached = labels[kept].sum() / max(labels.sum(), 1)
        total += (reached - recall) * labels[kept].mean()
        recall = reached
    assert average_precision(scores, labels) == pytest.approx(total)


@given(st.integers(1, 10), st.integers(0, 10), st.randoms())
def test_average_precision_of_a_perfect_ranking_is_1(n_evidence, n_others, random):
    """The order of the units does not matter."""
    pairs = [(0.5 + i / 100, True) for i in range(n_evidence)] + [(i / 100, False) for i in range(n_others)]
    random.shuffle(pairs)
    assert average_precision(*arrays(pairs)) == pytest.approx(1)


def test_calibration_error_by_hand():
    """Of two units at 0.85 one is evidence (a gap of 0.35), of one at 0.1 none (a gap of 0.1). 1.0 is in the last bin."""
    probability, labels = np.array([0.85, 0.85, 0.1]), np.array([True, False, False])
    assert expected_calibration_error(probability, labels, np.ones(3)) == pytest.approx((2 * 0.35 + 0.1) / 3)
    assert expected_calibration_error(probability, labels, np.array([1, 1, 2])) == pytest.approx((2 * 0.35 + 0.2) / 4)
    assert expected_calibration_error(np.array([1.0, 0.95]), np.array([1, 1]), np.ones(2)) == pytest.approx(0.025)


def test_the_ratio_for_a_recall_is_interpolated():
    """The first crossing counts, even if recall falls again after it."""
    ratios = np.array([0.0, 0.1, 0.2, 0.3])
    assert ratio_for_recall(ratios, np.array([0.2, 0.8, 1.0, 0.7]), 0.9) == pytest.approx(0.15)
    assert ratio_for_recall(ratios, np.array([0.2, 0.9, 0.9, 1.0]), 0.9) == pytest.approx(0.1)
    assert ratio_for_recall(ratios, np.array([0.95, 1.0, 1.0, 1.0]), 0.9) == 0
    assert ratio_for_recall(ratios, np.array([0.1, 0.2, 0.3, 0.4]), 0.9) is None


@given(st.lists(ranked, min_size=1, max_size=4))
def test_no_threshold_beats_the_best(questions):
    """The others are every score that occurs, and one above all scores."""
    pairs = [arrays(question) for question in questions]

    def mean_f1(threshold):
        return np.mean([f1(at_threshold(scores, threshold), labels) for scores, labels in pairs])

    tried = [mean_f1(float(score)) for scores, _ in pairs for score in scores]
    assert mean_f1(best_threshold(pairs)) == pytest.approx(max([*tried, mean_f1(2.0)]))
