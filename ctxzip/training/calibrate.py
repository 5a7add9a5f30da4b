"""Labelled questions -> how the logits of unit and passage make a probability."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.evaluation.labelled import read_labelled
from ctxzip.training.examples import units_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ctxzip.scoring.joint import JointScorer

# Of the passage's logit beside the unit's. Whole-question recall at 10, 20 and 30% of the words, mean of
# the eleven sets of README.md (`python -m ctxzip.evaluation --limit 100 --scorer model`): 0.0: 78.2, 88.2,
# 92.3; 0.3: 78.6, 88.5, 93.0.
_PASSAGE_SHARE = 0.3


def calibrate(scorer: JointScorer, files: Iterable[Path], limit: int | None = None) -> dict[str, float]:
    """Fit, by logistic regression with every file weighing the same, what the card of a model says.

    Returns:
        `unit`, `passage` and `bias` of the probability of a unit, `relevance` scale of a passage,
        and the expected calibration error in ten bins (`ece`, Guo et al. 2017) of the fit.
    """
    from sklearn.linear_model import LogisticRegression

    rows: list[float] = []
    labels: list[bool] = []
    weights: list[float] = []
    passages: list[float] = []
    relevant: list[bool] = []
    for file in files:
        first = len(labels)
        for question in islice(read_labelled(file), limit):
            units = units_of(question.request)
            means, windows = scorer.logits(question.request, units)
            for unit, mean in zip(units, means.tolist(), strict=True):
                rows.append(mean + _PASSAGE_SHARE * float(windows[unit.passage]))
                labels.append(
                    any(
                        unit.passage == p and unit.start < end and start < unit.end
                        for p, start, end in question.evidence
                    )
                )
            with_evidence = {passage for passage, _, _ in question.evidence}
            passages.extend(windows.tolist())
            relevant.extend(index in with_evidence for index in range(len(windows)))
        weights.extend([1 / max(1, len(labels) - first)] * (len(labels) - first))
    features = np.array(rows)[:, None]
    fit = LogisticRegression(C=1e3).fit(features, labels, sample_weight=np.array(weights) * len(weights))
    scale = LogisticRegression(C=1e3, fit_intercept=False).fit(np.array(passages)[:, None], relevant)
    probability = fit.predict_proba(features)[:, 1]
    return {
        "unit": round(float(fit.coef_[0][0]), 4),
        "passage": round(_PASSAGE_SHARE * float(fit.coef_[0][0]), 4),
        "bias": round(float(fit.intercept_[0]), 4),
        "relevance": round(float(scale.coef_[0][0]), 4),
        "ece": round(expected_calibration_error(probability, np.array(labels), np.array(weights)), 4),
    }


def expected_calibration_error(probability: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean gap between probability and frequency over ten bins of equal width.

    >>> round(expected_calibration_error(np.array([0.9, 0.9]), np.array([1, 0]), np.array([1.0, 1.0])), 2)
    0.4
    """
    bins = np.minimum((probability * 10).astype(int), 9)
    gaps = [abs(float((weights[bins == b] * (probability[bins == b] - labels[bins == b])).sum())) for b in range(10)]
    return sum(gaps) / float(weights.sum())
