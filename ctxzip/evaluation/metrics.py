"""What is measured, as pure functions over arrays."""

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
    """Return the precision at each rank at which evidence stands, averaged over the evidence.

    The sum over thresholds of precision times gain in recall, not interpolated (Manning, Raghavan
    and Schütze 2008, section 8.4); equal scores are one rank, so the order of the input counts for
    nothing. 0 where there is no evidence to rank.

    Args:
        scores: `(n,)`, higher is better.
        labels: `(n,)`, whether each is evidence.

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
    """Return the chance that what is labelled scores higher than what is not, ties half.

    From the sum of ranks (Mann and Whitney 1947; Hanley and McNeil 1982). None where one of the
    two does not occur.

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
    """Return the discounted gain of the best `depth`, as a share of the best there could be (Järvelin and Kekäläinen 2002).

    What is labelled gains 1, divided by the logarithm to base 2 of its rank plus 1; of equal scores the
    first comes first. 0 where nothing is labelled.

    Args:
        scores: `(n,)`.
        labels: `(n,)`.
        depth: ranks that count.

    >>> ndcg(np.array([0.1, 0.9]), np.array([True, False]), 10) == float(1 / np.log2(3))
    True
    """
    discounts = 1 / np.log2(np.arange(2, min(depth, len(labels)) + 2))
    best = discounts[: int(labels.sum())].sum()
    order = np.argsort(-scores, kind="stable")[: len(discounts)]
    return float(discounts[labels[order]].sum() / best) if best else 0.0


def reliability(probability: Values, labels: NDArray[np.generic], weights: Values) -> list[tuple[float, float, float]]:
    """Return, for each of ten bins of equal width that holds something, probability, frequency and share of the weight.

    Args:
        probability: `(n,)`, 0..1.
        labels: `(n,)`, what came true.
        weights: `(n,)`, what each counts.

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
    """Return the mean gap between probability and frequency over ten bins of equal width.

    Each bin counts by its weight (Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017).

    Args:
        probability: `(n,)`, 0..1.
        labels: `(n,)`, what came true.
        weights: `(n,)`, what each counts.

    >>> round(expected_calibration_error(np.array([0.9, 0.9]), np.array([1, 0]), np.array([1.0, 1.0])), 2)
    0.4
    """
    bins = np.minimum((probability * _N_BINS).astype(np.intp), _N_BINS - 1)
    gaps = np.bincount(bins, weights * (probability.astype(np.float64) - labels.astype(np.float64)))
    return float(np.abs(gaps).sum() / weights.sum())


def ratio_for_recall(ratios: Values, recall: Values, wanted: float) -> float | None:
    """Return the smallest ratio at which the recall is reached, a straight line between two that are known.

    Args:
        ratios: `(n,)`, rising.
        recall: `(n,)`, 0..1, at each of them.
        wanted: 0..1.

    >>> round(ratio_for_recall(np.array([0.0, 0.1, 0.2]), np.array([0.5, 0.8, 1.0]), 0.9), 2)
    0.15
    >>> ratio_for_recall(np.array([0.0, 0.1]), np.array([0.5, 0.8]), 0.9) is None
    True
    """
    # The mean of many questions is exact to the last bits only.
    reached = np.flatnonzero(recall >= wanted - 1e-12)
    if not len(reached):
        return None
    at = int(reached[0])
    if at == 0 or recall[at] <= wanted:
        return float(ratios[at])
    share = (wanted - recall[at - 1]) / (recall[at] - recall[at - 1])
    return float(ratios[at - 1] + share * (ratios[at] - ratios[at - 1]))


def at_threshold(scores: Values, threshold: float) -> Flags:
    """Return what a threshold keeps, `(n,)`: what reaches it, and the first of the best in any case.

    >>> at_threshold(np.array([0.2, 0.3, 0.1]), 0.2).tolist(), at_threshold(np.array([0.2, 0.3, 0.1]), 0.9).tolist()
    ([True, True, False], [False, True, False])
    """
    kept: Flags = scores >= threshold
    if len(kept):
        kept[np.argmax(scores)] = True
    return kept


def f1(kept: Flags, labels: Flags) -> float:
    """Return the harmonic mean of precision and recall of what is kept of one question.

    As HotpotQA does for supporting facts (Yang et al. 2018); 0 where nothing kept is evidence.

    >>> f1(np.array([True, True, False]), np.array([True, False, False])) == 2 / 3
    True
    """
    n_both = int((kept & labels).sum())
    return 2 * n_both / int(kept.sum() + labels.sum()) if n_both else 0.0


def best_threshold(questions: Sequence[tuple[Values, Flags]]) -> float:
    """Return the threshold with the highest mean F1 of `at_threshold`; of equal ones the highest.

    2, which nothing reaches, where every question is served best by its best unit alone.

    F1 changes only where the threshold passes a score: every score is an event that adds what one
    unit more changes in the F1 of its question, and a running sum over all events has the mean.

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
        events.append(scores[order][1:])  # the best is kept at every threshold
        changes.append(np.diff(after))
    thresholds = np.concatenate(events)
    order = np.argsort(-thresholds, kind="stable")
    thresholds, gained = thresholds[order], np.cumsum(np.concatenate(changes)[order])
    last = np.flatnonzero(np.append(np.diff(thresholds) != 0, True))
    if not len(thresholds) or gained[last].max() <= 0:
        return 2.0
    return float(thresholds[last[np.argmax(gained[last])]])
