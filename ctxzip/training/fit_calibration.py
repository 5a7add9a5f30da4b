"""Fits the calibration of a model: the probability of a unit from its logit, and from its BM25 rank (hybrid)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.logits import logit, sigmoid
from ctxzip.datamodels import ScoringInput
from ctxzip.evaluation.labelled import read_labelled, spread
from ctxzip.evaluation.metrics import expected_calibration_error
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.hybrid import DEFAULT_WEIGHTS, log_ranks
from ctxzip.scoring.sibling_rows import sibling_match
from ctxzip.training.units import units_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctxzip.scoring.joint import JointScorer

_BATCH = 8  # questions scored together
_FOLDS = 2


@dataclass(frozen=True, slots=True)
class _Units:
    """The units of many questions, `(n_units,)` each.

    Attributes:
        unit: logits.
        bm25_rank: logarithms of the BM25 ranks.
        sibling_rows: 1 minus the match of rows and lines (`sibling_match`).
        is_evidence: labels.
        weight: the weights of each file add up to 1.
        source: index of the file.
        fold: of the cross-validation.
    """

    unit: np.ndarray
    bm25_rank: np.ndarray
    sibling_rows: np.ndarray
    is_evidence: np.ndarray
    weight: np.ndarray
    source: np.ndarray
    fold: np.ndarray


def calibrate(
    scorer: JointScorer, files: Sequence[Path], limit: int | None = None
) -> tuple[dict[str, float], dict[str, float], dict[str, dict[str, float]]]:
    """Fit the scales and biases of the model card by logistic regression, every file with the same weight.

    The expected calibration error (Guo et al. 2017, ten bins) is measured by two-fold cross-validation.

    Args:
        scorer: gives the logits.
        files: labelled questions in the common form.
        limit: the most questions of each file, spread over it; None for all.

    Returns:
        The coefficients of the model (`unit`, `bias`, and `relevance`, the scale of a passage's logit), those of the
        hybrid (`model`, `bm25_rank`, `sibling_rows`, `bias`), and the calibration errors of both (`model`, `hybrid`), by file and
        pooled.
    """
    units, passages, relevant = _read(scorer, files, limit)
    logits = units.unit[:, None]
    fit = _fit(logits, units)
    model = {"unit": fit[0], "bias": fit[1], "relevance": _scale(passages, relevant)}
    # The hybrid adds BM25 to the calibrated logit of the model. Its weights are chosen by recall on the dev sets (models/README.md,
    # "fit_calibration"), because a fit by likelihood makes them smaller; only the scale of the sum is fitted.
    lowered = {name: DEFAULT_WEIGHTS[name] for name in ("bm25_rank", "sibling_rows")}
    combined = logit(sigmoid(logits @ fit[:1] + fit[1])) - sum(
        weight * getattr(units, name) for name, weight in lowered.items()
    )
    combined = combined[:, None]
    hybrid_fit = _fit(combined, units)
    hybrid = {
        "model": hybrid_fit[0],
        **{name: weight * hybrid_fit[0] for name, weight in lowered.items()},
        "bias": hybrid_fit[1],
    }
    held_out = {"model": _held_out(logits, units), "hybrid": _held_out(combined, units)}
    errors = {
        name: {
            method: round(
                expected_calibration_error(probability[chosen], units.is_evidence[chosen], units.weight[chosen]), 4
            )
            for method, probability in held_out.items()
        }
        for name, chosen in {
            **{file.name.partition(".")[0]: units.source == i for i, file in enumerate(files)},
            "pooled": np.ones(len(units.is_evidence), dtype=bool),
        }.items()
        if chosen.any()
    }
    return (
        {name: round(float(value), 4) for name, value in model.items()},
        {name: round(float(value), 4) for name, value in hybrid.items()},
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
                rows["sibling_rows"].append(1 - sibling_match(request, units))
                rows["is_evidence"].append(questions[at].are_evidence(units))
                for name, value in (("weight", 1 / n_units), ("source", source), ("fold", at % _FOLDS)):
                    rows[name].append(np.full(len(units), value))
                passages.append(windows)
                with_evidence = {passage for passage, _, _ in questions[at].evidence}
                relevant.extend(index in with_evidence for index in range(len(request.passages)))
    columns = {name: np.concatenate(values) for name, values in rows.items()}
    return _Units(**columns), np.concatenate(passages), np.array(relevant)


def _fit(features: np.ndarray, units: _Units, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Return a coefficient for each feature, and the bias."""
    from sklearn.linear_model import LogisticRegression

    weight = units.weight[chosen] * len(units.weight)
    fit = LogisticRegression(C=1e3).fit(features[chosen], units.is_evidence[chosen], sample_weight=weight)
    return np.append(fit.coef_[0], fit.intercept_[0])


def _held_out(features: np.ndarray, units: _Units) -> np.ndarray:
    """Return the probability of every unit by a fit on the other fold, `(n_units,)`."""
    probability = np.zeros(len(features))
    for fold in range(_FOLDS):
        inside = units.fold == fold
        if inside.any() and len(np.unique(units.is_evidence[~inside])) > 1:
            fit = _fit(features, units, ~inside)
            probability[inside] = sigmoid(features[inside] @ fit[:-1] + fit[-1])
    return probability


def _scale(passages: np.ndarray, relevant: np.ndarray) -> float:
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=1e3, fit_intercept=False).fit(passages[:, None], relevant)
    return float(fit.coef_[0][0])
