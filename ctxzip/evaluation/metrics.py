"""Metrics of ranking, selection and calibration, as pure functions over arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.floating]
    Flags = NDArray[np.bool_]

_N_BINS = 10


def average_precision(scores: Values, labels: Flags) -> float:
    """Return the mean, over the evidence, of the precision at its rank, 0..1.

    The sum over thresholds of precision times gain in recall, not interpolated (Manning, Raghavan
    and Schütze 2008, section 8.4). Equal scores are one rank, so the order of the input has no effect.
    0 where there is no evidence.

    Args:
        scores: `(n,)`, higher is better.
        labels: `(n,)`, True for evidence.

    >>> average_precision(np.array([0.9, 0.5, 0.3]), np.array([True, False, True])) == (1 + 2 / 3) / 2
    True
    >>> average_precision(np.array([0.5, 0.5, 0.5, 0.5]), np.array([True, False, False, False]))
    0.25
    """
    if not labels.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # of each group of equal scores
    found = np.cumsum(labels[order])[last]
    gains = np.diff(found, prepend=0)
    return float((gains * found / (last + 1)).sum() / labels.sum())


def roc_auc(scores: Values, labels: Flags) -> float | None:
    """Return the area under the ROC curve, 0..1: how often a positive scores higher than a negative, ties count half.

    Computed from the sum of ranks (Mann and Whitney 1947; Hanley and McNeil 1982). None where there are no positives
    or no negatives.

    Args:
        scores: `(n,)`.
        labels: `(n,)`.

    >>> roc_auc(np.array([0.9, 0.4, 0.6, 0.1]), np.array([True, True, False, False]))
    0.75
    >>> roc_auc(np.array([0.5, 0.5]), np.array([True, False]))
    0.5
    """
    n_true = int(labels.sum())
    n_false = len(labels) - n_true
    if not n_true or not n_false:
        return None
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return float((ranks[labels].sum() - n_true * (n_true + 1) / 2) / (n_true * n_false))


def ndcg(scores: Values, labels: Flags, depth: int) -> float:
    """Return the normalized discounted cumulative gain of the first `depth` ranks, 0..1 (Järvelin and Kekäläinen 2002).

    A positive gains 1, divided by the logarithm to base 2 of its rank plus 1; equal scores keep the order of the input.
    0 where there are no positives.

    Args:
        scores: `(n,)`.
        labels: `(n,)`.
        depth: number of ranks that count.

    >>> ndcg(np.array([0.1, 0.9]), np.array([True, False]), 10) == float(1 / np.log2(3))
    True
    """
    discounts = 1 / np.log2(np.arange(2, min(depth, len(labels)) + 2))
    best = discounts[: int(labels.sum())].sum()
    order = np.argsort(-scores, kind="stable")[: len(discounts)]
    return float(discounts[labels[order]].sum() / best) if best else 0.0


def reliability(probability: Values, labels: NDArray[np.generic], weights: Values) -> list[tuple[float, float, float]]:
    """Return mean probability, observed frequency and share of the weight for each non-empty one of ten bins of equal width.

    Args:
        probability: `(n,)`, 0..1.
        labels: `(n,)`, 1 or True for positives.
        weights: `(n,)`.

    >>> reliability(np.array([0.9, 1.0]), np.array([1, 0]), np.array([1.0, 1.0]))
    [(0.95, 0.5, 1.0)]
    """
    bins = np.minimum((probability * _N_BINS).astype(np.intp), _N_BINS - 1)
    weight, probabilities, frequencies = (
        np.bincount(bins, weights * values, minlength=_N_BINS)
        for values in (np.ones(len(bins)), probability.astype(np.float64), labels.astype(np.float64))
    )
    return [
        (float(probabilities[i] / weight[i]), float(frequencies[i] / weight[i]), float(weight[i] / weight.sum()))
        for i in np.flatnonzero(weight)
    ]


def expected_calibration_error(probability: Values, labels: NDArray[np.generic], weights: Values) -> float:
    """Return the weighted mean gap between probability and frequency over ten bins of equal width, 0..1.

    Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017.

    Args:
        probability: `(n,)`, 0..1.
        labels: `(n,)`, 1 or True for positives.
        weights: `(n,)`.

    >>> round(expected_calibration_error(np.array([0.9, 0.9]), np.array([1, 0]), np.array([1.0, 1.0])), 2)
    0.4
    """
    bins = np.minimum((probability * _N_BINS).astype(np.intp), _N_BINS - 1)
    gaps = np.bincount(bins, weights * (probability.astype(np.float64) - labels.astype(np.float64)))
    return float(np.abs(gaps).sum() / weights.sum())


def ratio_for_recall(ratios: Values, recall: Values, wanted: float) -> float | None:
    """Return the smallest ratio that reaches a recall, by linear interpolation; None where none does.

    Args:
        ratios: `(n,)`, rising.
        recall: `(n,)`, 0..1, at each of them.
        wanted: 0..1.

    >>> round(ratio_for_recall(np.array([0.0, 0.1, 0.2]), np.array([0.5, 0.8, 1.0]), 0.9), 2)
    0.15
    >>> ratio_for_recall(np.array([0.0, 0.1]), np.array([0.5, 0.8]), 0.9) is None
    True
    """
    # Means of many questions carry rounding errors.
    reached = np.flatnonzero(recall >= wanted - 1e-12)
    if not len(reached):
        return None
    at = int(reached[0])
    if at == 0 or recall[at] <= wanted:
        return float(ratios[at])
    share = (wanted - recall[at - 1]) / (recall[at] - recall[at - 1])
    return float(ratios[at - 1] + share * (ratios[at] - ratios[at - 1]))


def at_threshold(scores: Values, threshold: float) -> Flags:
    """Return what a threshold keeps, `(n,)` bool: the scores that reach it, and the first of the highest in any case.

    >>> at_threshold(np.array([0.2, 0.3, 0.1]), 0.2).tolist(), at_threshold(np.array([0.2, 0.3, 0.1]), 0.9).tolist()
    ([True, True, False], [False, True, False])
    """
    kept: Flags = scores >= threshold
    if len(kept):
        kept[np.argmax(scores)] = True
    return kept


def f1(kept: Flags, labels: Flags) -> float:
    """Return the harmonic mean of precision and recall of the kept units of one question, 0..1.

    As HotpotQA computes it for supporting facts (Yang et al. 2018); 0 where no kept unit is evidence.

    >>> f1(np.array([True, True, False]), np.array([True, False, False])) == 2 / 3
    True
    """
    n_both = int((kept & labels).sum())
    return 2 * n_both / int(kept.sum() + labels.sum()) if n_both else 0.0


def best_threshold(questions: Sequence[tuple[Values, Flags]]) -> float:
    """Return the threshold with the highest mean F1 of `at_threshold`; of equal ones the highest.

    2, which no score reaches, where keeping only the best unit of every question is best.

    F1 changes only where the threshold passes a score. So every score is an event, whose value is the change of its
    question's F1 by one more unit; the running sum over all events, sorted, is proportional to the mean F1.

    Args:
        questions: scores and labels, `(n_units,)` each; at least one question.

    >>> best_threshold([(np.array([0.9, 0.6, 0.2]), np.array([True, True, False]))])
    0.6
    """
    events, changes = [], []
    for scores, labels in questions:
        order = np.argsort(-scores, kind="stable")
        found = np.cumsum(labels[order])
        after = 2 * found / np.maximum(np.arange(1, len(order) + 1) + labels.sum(), 1)
        events.append(scores[order][1:])  # the best unit is kept at every threshold
        changes.append(np.diff(after))
    thresholds = np.concatenate(events)
    order = np.argsort(-thresholds, kind="stable")
    thresholds, gained = thresholds[order], np.cumsum(np.concatenate(changes)[order])
    last = np.flatnonzero(np.append(np.diff(thresholds) != 0, True))
    if not len(thresholds) or gained[last].max() <= 0:
        return 2.0
    return float(thresholds[last[np.argmax(gained[last])]])
