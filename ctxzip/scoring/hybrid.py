"""The model, helped by BM25 where it reads what it was not taught: tables, code, names it never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxzip.odds import logit, sigmoid
from ctxzip.records import Request, Scores, Unit
from ctxzip.scoring.bm25 import Bm25Scorer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxzip.scoring import Scorer

# For a model whose card says nothing: logits that a full BM25 share is worth.
_WEIGHTS = {"model": 1.0, "bm25": 5.0, "bias": 0.0}


class HybridScorer:
    """Adds BM25's share of each unit to the model's logit; the relevance of passages is the model's.

    Args:
        model: any scorer.
        weights: of the `model`'s logit, of the share of `bm25`, and the `bias`; None takes BM25 for
            worth five logits, which is not calibrated.
    """

    def __init__(self, model: Scorer, weights: Mapping[str, float] | None = None) -> None:
        self.name = f"{model.name}+bm25"
        self.device = model.device
        self.notice = model.notice
        self.batch_tokens = model.batch_tokens
        self.second_looks = model.second_looks
        self._weights = weights or _WEIGHTS
        self._model = model
        self._bm25 = Bm25Scorer()

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Score each request by itself."""
        found = []
        for ours, theirs in zip(self._model.score(batch), self._bm25.score(batch), strict=True):
            logits = (
                self._weights["model"] * logit(ours.probability)
                + self._weights["bm25"] * theirs.probability
                + self._weights["bias"]
            )
            found.append(Scores(sigmoid(logits), ours.relevance, ours.warnings))
        return found
