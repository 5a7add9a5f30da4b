"""The scores of a model combined with BM25, which is better on texts unlike the training data: tables, code, rare names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.logits import logit, sigmoid
from ctxzip.datamodels import Scores, ScoringInput
from ctxzip.errors import ModelError
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.sibling_rows import sibling_match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctxzip.scoring.protocol import Scorer

# For a model whose card has no weights: its logits unscaled, and the weights that `ctxzip.training.fit_calibration` starts from.
# `sibling_rows` are log-odds that a row loses whose siblings alone have the query's words. On six dev sets with tables, 0.6 keeps
# recall within 20 and 30% of the words and raises AP by 0.004; 1.0 loses recall on technical documents.
DEFAULT_WEIGHTS = {"model": 1.0, "bm25_rank": 0.8, "sibling_rows": 0.8, "bias": 0.0}


def log_ranks(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the natural logarithm of the rank of each score, `(n,)`: 0 for the best; equal scores share the best rank.

    >>> log_ranks(np.array([0.5, 0.9, 0.5])).round(3).tolist()
    [0.693, 0.0, 0.693]
    """
    negated = -scores.astype(np.float64)
    logarithms: NDArray[np.float64] = np.log1p(np.searchsorted(np.sort(negated), negated))
    return logarithms


class HybridScorer:
    """Lowers the model's logit of a unit by the logarithm of its BM25 rank; the relevance of passages is the model's.

    The logit of a unit is `model * logit - bm25_rank * log(rank) - sibling_rows * (1 - match) + bias`. The probability that the
    unit at BM25 rank r is evidence falls about like a power of r for all kinds of text; in log-odds, that is a multiple of log r.
    The match of rows and lines is below 1 in a first pass where others beside them match better (`ctxzip.scoring.sibling_rows`).

    Units that the model did not score (`Scores.not_scored`) keep their probability, which is that of BM25.

    Args:
        model: any scorer.
        weights: `model`, `bm25_rank`, `sibling_rows` and `bias`, as on the model card; None uses weights that are not calibrated.

    Raises:
        ModelError: a weight is missing or not a number.
    """

    def __init__(self, model: Scorer, weights: Mapping[str, float] | None = None) -> None:
        self.name = f"{model.name}+bm25"
        self.device = model.device
        self.batch_tokens = model.batch_tokens
        self.has_second_pass = model.has_second_pass
        try:
            self._weight, self._rank_weight, self._sibling_weight, self._bias = (
                float((weights or DEFAULT_WEIGHTS)[key]) for key in DEFAULT_WEIGHTS
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"the model card of {model.name}: no {error} under 'hybrid': install or import it again"
            ) from error
        self._model = model
        self._bm25 = Bm25Scorer()

    @property
    def warning(self) -> str | None:
        """The warning of the model, or None."""
        return self._model.warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Combine the scores of the model and of BM25, for each request by itself."""
        return [
            self._combined(item, by_model, by_bm25)
            for item, by_model, by_bm25 in zip(batch, self._model.score(batch), self._bm25.score(batch), strict=True)
        ]

    def _combined(self, item: ScoringInput, by_model: Scores, by_bm25: Scores) -> Scores:
        log_odds = self._weight * logit(by_model.probability) - self._rank_weight * log_ranks(by_bm25.probability)
        if not item.evidence:
            log_odds -= self._sibling_weight * (1 - sibling_match(item.request, item.units))
        probability = sigmoid(log_odds + self._bias)
        not_scored = [i for i, reason in enumerate(by_model.not_scored) if reason is not None]
        probability[not_scored] = by_model.probability[not_scored]
        return Scores(probability, by_model.relevance, by_model.warnings, by_model.not_scored)

    def close(self) -> None:
        """Close the model."""
        self._model.close()
