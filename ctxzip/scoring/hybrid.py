"""The model, helped by BM25 where it reads what it was not taught: tables, code, names it never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxzip.records import Request, Scores, Unit
from ctxzip.scoring.bm25 import Bm25Scorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.scoring import Scorer

# Logits that a full BM25 share is worth. Whole-question recall at 10, 20 and 30% of the words, mean of
# the eleven sets of README.md (`python -m ctxzip.evaluation --limit 100 --scorer hybrid`): 0 (the model
# alone): 78.6, 88.5, 93.0; 5: 79.4, 88.9, 93.1.
_WEIGHT = 5.0
_EDGE = 1e-7


class HybridScorer:
    """Adds BM25's share of each unit to the model's logit; the relevance of passages is the model's.

    The probability is the model's, raised; it is no longer calibrated.
    """

    def __init__(self, model: Scorer) -> None:
        self.name = f"{model.name}+bm25"
        self._model = model
        self._bm25 = Bm25Scorer()

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Score each request by itself."""
        found = []
        for ours, theirs in zip(self._model.score(batch), self._bm25.score(batch), strict=True):
            probability = np.clip(ours.probability.astype(np.float64), _EDGE, 1 - _EDGE)
            odds = probability / (1 - probability) * np.exp(_WEIGHT * theirs.probability)
            found.append(Scores((odds / (1 + odds)).astype(np.float32), ours.relevance, ours.warnings))
        return found
