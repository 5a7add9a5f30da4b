"""Question and units -> how likely each unit is evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctxzip.errors import MissingDependencyError, ModelError, UsageError
from ctxzip.scoring.batches import BATCH_TOKENS
from ctxzip.shipped import DEFAULT_MODEL, open_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.records import Request, Scores, Unit
    from ctxzip.shipped import ModelFolder


class Scorer(Protocol):
    """Scores the units of requests. What it returns for one request does not depend on the others.

    Attributes:
        name: what stands in the record.
        device: where it runs: `cpu` or `cuda:N`.
        notice: what a person must know before the first record, such as a card that cannot be used; or None.
        batch_tokens: tokens of requests that are worth scoring together; 0 scores each as it comes.
        second_looks: whether it reads what a first look found (`Request.found`).
    """

    name: str
    device: str
    notice: str | None
    batch_tokens: int
    second_looks: bool

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Return one `Scores` a request, in order; both arrays may be empty."""
        ...


AUTO = "auto"
BM25 = "bm25"
MODEL = "model"
HYBRID = "hybrid"
SCORERS = (AUTO, MODEL, BM25, HYBRID)


def load_scorer(
    name: str = AUTO,
    model: str = DEFAULT_MODEL,
    *,
    threads: int | None = None,
    device: str = "auto",
    batch_tokens: int = BATCH_TOKENS,
) -> Scorer:
    """Return the scorer of that name.

    Args:
        name: `model`, `bm25`, `hybrid`, which is both, or `auto`: `hybrid`, and `bm25` with a notice
            where onnxruntime is not installed.
        model: name or folder of the model; `bm25` needs none.
        threads: of the model; None takes the cores that this process may use.
        device: of the model: `auto`, `cpu`, `cuda` or `cuda:N`.
        batch_tokens: of a batch of the model, padding included.

    Raises:
        UsageError: no such scorer, model or device.
        ModelError: a file of the model is missing, damaged or foreign.
        MissingDependencyError: onnxruntime is missing, or CUDA was asked for by name and does not run here.
    """
    from ctxzip.scoring.bm25 import Bm25Scorer

    if name not in SCORERS:
        raise UsageError(f"no scorer {name!r}: expected one of {', '.join(SCORERS)} (--scorer)")
    if name == BM25:
        return Bm25Scorer()
    folder = open_model(model)
    try:
        scorer = _of_kind(folder, threads, device, batch_tokens)
    except MissingDependencyError as error:
        if name != AUTO or device not in {"auto", "cpu"}:
            raise
        return Bm25Scorer(notice=f"{error}: scored by bm25")
    if name == MODEL:
        return scorer
    from ctxzip.scoring.hybrid import HybridScorer

    return HybridScorer(scorer, folder.card.get("hybrid"))


def _of_kind(folder: ModelFolder, threads: int | None, device: str, batch_tokens: int) -> Scorer:
    kind = folder.card.get("kind")
    if kind == "joint":
        from ctxzip.scoring.joint import JointScorer

        return JointScorer(folder, threads=threads, device=device, batch_tokens=batch_tokens)
    if kind == "pairwise":
        from ctxzip.scoring.pairwise import PairwiseScorer

        return PairwiseScorer(folder, threads=threads, device=device, batch_tokens=batch_tokens)
    raise ModelError(f"{folder.path}/model.json: kind {kind!r}: expected joint or pairwise")
