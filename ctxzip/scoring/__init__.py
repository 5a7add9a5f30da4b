"""Question and units -> how likely each unit is evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctxzip.errors import UsageError
from ctxzip.shipped import DEFAULT_MODEL, open_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.records import Request, Scores, Unit


class Scorer(Protocol):
    """Scores the units of requests. What it returns for one request does not depend on the others."""

    name: str

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Return one `Scores` a request, in order; both arrays may be empty."""
        ...


BM25 = "bm25"
MODEL = "model"
HYBRID = "hybrid"
SCORERS = (BM25, MODEL, HYBRID)


def load_scorer(name: str = BM25, model: str = DEFAULT_MODEL, threads: int | None = None) -> Scorer:
    """Return the scorer of that name.

    Args:
        name: `bm25`, `model`, or `hybrid`, which is both.
        model: name or folder of the model; `bm25` needs none.
        threads: of the model; None takes the cores that this process may use.

    Raises:
        UsageError: no such scorer or model.
        ModelError: a file of the model is missing, damaged or foreign.
    """
    if name == BM25:
        from ctxzip.scoring.bm25 import Bm25Scorer

        return Bm25Scorer()
    if name in SCORERS:
        from ctxzip.scoring.joint import JointScorer

        joint = JointScorer(open_model(model), threads)
        if name == MODEL:
            return joint
        from ctxzip.scoring.hybrid import HybridScorer

        return HybridScorer(joint)
    raise UsageError(f"no scorer {name!r}: expected one of {', '.join(SCORERS)} (--scorer)")
