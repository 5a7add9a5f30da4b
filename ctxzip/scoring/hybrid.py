"""The model, helped by BM25 where it reads what it was not taught: tables, code, names it never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.logits import logit, sigmoid
from ctxzip.datamodels import Scores, ScoringInput
from ctxzip.errors import ModelError
from ctxzip.scoring.bm25 import Bm25Scorer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctxzip.scoring.protocol import Scorer

# For a model whose card says nothing: its logits as they are, and the weight of `ctxzip.training.fit_calibration`.
_WEIGHTS = {"model": 1.0, "bm25_rank": 0.8, "bias": 0.0}


def log_ranks(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the natural logarithm of the rank of each score, `(n,)`, the best 0; equal scores share the best rank.

    >>> log_ranks(np.array([0.5, 0.9, 0.5])).round(3).tolist()
    [0.693, 0.0, 0.693]
    """
    falling = -scores.astype(np.float64)
    ranks: NDArray[np.float64] = np.log1p(np.searchsorted(np.sort(falling), falling))
    return ranks


class HybridScorer:
    """Takes from the model's logit by how far down BM25 has the unit; the relevance of passages is the model's.

    The chance that the unit at BM25's rank r is evidence falls about like a power of r, whatever the
    texts are; a power is a weight on log r, which adds to log-odds as a prior does.

    Units that the model did not score (`Scores.not_scored`) keep their probability, which comes from BM25 already.

    Args:
        model: any scorer.
        weights: of the `model`'s logit, of `bm25_rank`, the logarithm of BM25's rank, and the `bias`, as
            they stand on the card of the model; None takes weights that are not calibrated.

    Raises:
        ModelError: a weight is missing or no number.
    """

    def __init__(self, model: Scorer, weights: Mapping[str, float] | None = None) -> None:
        self.name = f"{model.name}+bm25"
        self.device = model.device
        self.batch_tokens = model.batch_tokens
        self.has_second_pass = model.has_second_pass
        try:
            self._weight, self._rank_weight, self._bias = (float((weights or _WEIGHTS)[key]) for key in _WEIGHTS)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the card of {model.name}: no {error} under 'hybrid': install or import it again"
            ) from error
        self._model = model
        self._bm25 = Bm25Scorer()

    @property
    def warning(self) -> str | None:
        """The warning of the model, or None."""
        return self._model.warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score each request by itself."""
        found = []
        for ours, theirs in zip(self._model.score(batch), self._bm25.score(batch), strict=True):
            logits = (
                self._weight * logit(ours.probability) - self._rank_weight * log_ranks(theirs.probability) + self._bias
            )
            probability = sigmoid(logits)
            by_bm25 = [i for i, reason in enumerate(ours.not_scored) if reason is not None]
            probability[by_bm25] = ours.probability[by_bm25]
            found.append(Scores(probability, ours.relevance, ours.warnings, ours.not_scored))
        return found

    def close(self) -> None:
        """Free the threads and files of the model."""
        self._model.close()
