"""Labelled questions -> how the logit of a unit, and its rank by BM25, make a probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.logits import logit, sigmoid
from ctxzip.datamodels import ScoringInput
from ctxzip.evaluation.labelled import read_labelled, spread
from ctxzip.evaluation.metrics import expected_calibration_error
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.hybrid import log_ranks
from ctxzip.training.examples import units_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctxzip.scoring.joint import JointScorer

_BATCH = 8  # questions scored together
# What the logarithm of BM25's rank takes from the logit of a unit. Fitted for likelihood alone it comes out smaller, for
# the model knows these sets. By `ctxzip eval --method hybrid`, mean of the first 60 questions of each of eleven sets of
# dev at 10 and 20% of the words: 81.2 and 92.2 without it, 83.2 and 93.0 with 0.5, 83.7 and 93.8 with 0.8, 82.9 and 93.0 with 1.
_BM25_RANK = 0.8
_FOLDS = 2


@dataclass(frozen=True, slots=True)
class _Units:
    """Units of many questions, `(n_units,)` each."""

    unit: np.ndarray
    bm25_rank: np.ndarray
    held: np.ndarray
    weight: np.ndarray
    source: np.ndarray
    fold: np.ndarray


def calibrate(
    scorer: JointScorer, files: Sequence[Path], limit: int | None = None
) -> tuple[dict[str, float], dict[str, float], dict[str, dict[str, float]]]:
    """Fit scales and biases, by logistic regression with every file weighing the same: what the card of a model says.

    The expected calibration error (Guo et al. 2017, ten bins) is that of questions that the fit did
    not see: each half is judged by a fit on the other.

    Returns:
        The probability of a unit by the model (`unit`, `bias`, and `relevance`, the scale of a passage's
        logit), the same with BM25 (`model`, `bm25_rank`, `bias`), and the calibration error of both
        (`model`, `hybrid`), by file and pooled.
    """
    units, passages, relevant = _read(scorer, files, limit)
    alone = units.unit[:, None]
    fit = _fit(alone, units)
    ours = {"unit": fit[0], "bias": fit[1], "relevance": _scale(passages, relevant)}
    # The hybrid adds to what the model says, so its fit begins there.
    combined = logit(sigmoid(alone @ fit[:1] + fit[1]))[:, None] - _BM25_RANK * fit[0] * units.bm25_rank[:, None]
    both = _fit(combined, units)
    mixed = {"model": both[0], "bm25_rank": _BM25_RANK * fit[0] * both[0], "bias": both[1]}
    unseen = {"model": _unseen(alone, units), "hybrid": _unseen(combined, units)}
    errors = {
        name: {
            method: round(expected_calibration_error(probability[chosen], units.held[chosen], units.weight[chosen]), 4)
            for method, probability in unseen.items()
        }
        for name, chosen in {
            **{file.name.partition(".")[0]: units.source == i for i, file in enumerate(files)},
            "pooled": np.ones(len(units.held), dtype=bool),
        }.items()
        if chosen.any()
    }
    return (
        {name: round(float(value), 4) for name, value in ours.items()},
        {name: round(float(value), 4) for name, value in mixed.items()},
        errors,
    )


def _read(scorer: JointScorer, files: Sequence[Path], limit: int | None) -> tuple[_Units, np.ndarray, np.ndarray]:
    rows: dict[str, list[Any]] = {name: [] for name in _Units.__slots__}
    passages: list[np.ndarray] = []
    relevant: list[bool] = []
    bm25 = Bm25Scorer()
    for source, file in enumerate(files):
        questions = spread(read_labelled(file), limit)
        inputs = [ScoringInput(question.request, units_of(question.request)) for question in questions]
        n_units = max(1, sum(len(item.units) for item in inputs))
        for start in range(0, len(inputs), _BATCH):
            batch = inputs[start : start + _BATCH]
            for at, (means, windows), scores in zip(
                range(start, start + len(batch)), scorer.logits(batch), bm25.score(batch), strict=True
            ):
                request, units = inputs[at].request, inputs[at].units
                rows["unit"].append(means)
                rows["bm25_rank"].append(log_ranks(scores.probability))
                rows["held"].append(questions[at].are_evidence(units))
                for name, value in (("weight", 1 / n_units), ("source", source), ("fold", at % _FOLDS)):
                    rows[name].append(np.full(len(units), value))
                passages.append(windows)
                with_evidence = {passage for passage, _, _ in questions[at].evidence}
                relevant.extend(index in with_evidence for index in range(len(request.passages)))
    columns = {name: np.concatenate(values) for name, values in rows.items()}
    return _Units(**columns), np.concatenate(passages), np.array(relevant)


def _fit(features: np.ndarray, units: _Units, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Return a coefficient a feature, and the bias."""
    from sklearn.linear_model import LogisticRegression

    weight = units.weight[chosen] * len(units.weight)
    fit = LogisticRegression(C=1e3).fit(features[chosen], units.held[chosen], sample_weight=weight)
    return np.append(fit.coef_[0], fit.intercept_[0])


def _unseen(features: np.ndarray, units: _Units) -> np.ndarray:
    """Return the probability of every unit by a fit on the other half."""
    probability = np.zeros(len(features))
    for fold in range(_FOLDS):
        inside = units.fold == fold
        if inside.any() and len(np.unique(units.held[~inside])) > 1:
            fit = _fit(features, units, ~inside)
            probability[inside] = sigmoid(features[inside] @ fit[:-1] + fit[-1])
    return probability


def _scale(passages: np.ndarray, relevant: np.ndarray) -> float:
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=1e3, fit_intercept=False).fit(passages[:, None], relevant)
    return float(fit.coef_[0][0])
