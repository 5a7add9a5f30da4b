"""The model, helped by BM25 where it reads what it was not taught: tables, code, names it never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxzip.records import Request, Scores, Unit
from ctxzip.scoring.bm25 import Bm25Scorer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.scoring import Scorer

# Logits that a full BM25 share is worth. Whole-question recall at 20 and 10% of the words, mixed
# workload, 70 questions a set: 0: 87.9 and 78.2, 2: 87.9 and 78.4, 5: 88.2 and 78.6. Of the 19
# answerable requests in fixtures/, 0 keeps 13 at 20% of the tokens, 4 to 12 keep 15.
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
