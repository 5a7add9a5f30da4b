"""Question and units -> how likely each unit is evidence."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ctxzip.errors import MissingDependencyError, ModelError, UsageError
from ctxzip.model_store import DEFAULT_MODEL, open_model
from ctxzip.scoring.batches import BATCH_TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.datamodels import Request, Scores, Unit
    from ctxzip.model_store import ModelFolder


class Scorer(Protocol):
    """Scores the units of requests. What it returns for one request does not depend on the others.

    To the last bit on the CPU; where windows are computed together, but for the last digits.

    Attributes:
        name: what stands in the record.
        device: where it runs: `cpu` or `cuda:N`.
        batch_tokens: tokens of requests that are worth scoring together; 0 scores each as it comes.
        second_looks: whether it is worth asking again with what a first look found (`Request.found`).
    """

    name: str
    device: str
    batch_tokens: int
    second_looks: bool

    @property
    def notice(self) -> str | None:
        """What a person must know, such as a card that cannot be used; or None."""
        ...

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Return one `Scores` a request, in order; both arrays may be empty."""
        ...


class ModelScorer(Scorer, Protocol):
    """A scorer that runs a graph.

    Attributes:
        alone: whether it runs every window by itself, so that what a passage scores does not depend on
            the other passages of its request, to the last bit.
    """

    alone: bool

    def remarks(self, request: Request) -> tuple[str, ...]:
        """Say, in words, of which question and titles it reads only a part."""
        ...


AUTO = "auto"
BM25 = "bm25"
MODEL = "model"
HYBRID = "hybrid"
SCORERS = (AUTO, MODEL, BM25, HYBRID)
CACHE_SIZE_MB = 512  # over three million passages: one of five units takes 130 bytes, one of ten 154


def load_scorer(
    name: str = AUTO,
    model: str = DEFAULT_MODEL,
    *,
    threads: int | None = None,
    device: str = "auto",
    batch_tokens: int = BATCH_TOKENS,
    cache: str | None = None,
    cache_size_mb: float = CACHE_SIZE_MB,
    clock: Callable[[], float] = time.monotonic,
) -> Scorer:
    """Return the scorer of that name.

    Args:
        name: `model`, `bm25`, `hybrid`, which is both, or `auto`: `hybrid`, and `bm25` with a notice
            where onnxruntime is not installed.
        model: name or folder of the model; `bm25` needs none.
        threads: of the model; None takes the cores that this process may use.
        device: of the model: `auto`, `cpu`, `cuda` or `cuda:N`.
        batch_tokens: of a batch of the model, padding included.
        cache: folder that keeps what the model said, see `ctxzip.scoring.score_cache`; None keeps nothing.
        cache_size_mb: of it at most.
        clock: of the deadlines of requests (`Request.read_by`), in seconds.

    Raises:
        UsageError: no such scorer, model or device.
        ModelError: a file of the model is missing, damaged or foreign.
        MissingDependencyError: onnxruntime is missing, or CUDA was asked for by name and does not run here.
    """
    from ctxzip.scoring.bm25 import Bm25Scorer

    if name not in SCORERS:
        raise UsageError(f"no scorer {name!r}: expected one of {', '.join(SCORERS)}", option="scorer")
    if name == BM25:
        return Bm25Scorer()
    folder = open_model(model)
    try:
        scorer = _of_kind(folder, threads, device, batch_tokens)
    except MissingDependencyError as error:
        if name != AUTO or device not in {"auto", "cpu"}:
            raise
        return Bm25Scorer(notice=f"{error}: scored by bm25")
    if cache is not None:
        scorer = _remembering(scorer, folder, Path(cache), cache_size_mb)
    from ctxzip.scoring.deadline import PartialScorer

    partial = PartialScorer(scorer, clock)
    if name == MODEL:
        return partial
    from ctxzip.scoring.hybrid import HybridScorer

    return HybridScorer(partial, folder.card.get("hybrid"))


def _remembering(model: ModelScorer, folder: ModelFolder, cache: Path, size_mb: float) -> ModelScorer:
    from ctxzip.scoring.cached_scorer import CachedScorer, identity
    from ctxzip.scoring.score_cache import ScoreCache

    return CachedScorer(model, identity(folder, model.device), ScoreCache(cache, size_mb))


def _of_kind(folder: ModelFolder, threads: int | None, device: str, batch_tokens: int) -> ModelScorer:
    kind = folder.card.get("kind")
    if kind == "joint":
        from ctxzip.scoring.joint import JointScorer

        return JointScorer(folder, threads=threads, device=device, batch_tokens=batch_tokens)
    if kind == "pairwise":
        from ctxzip.scoring.cross_encoder import PairwiseScorer

        return PairwiseScorer(folder, threads=threads, device=device, batch_tokens=batch_tokens)
    raise ModelError(f"{folder.path}/model.json: kind {kind!r}: expected joint or pairwise")
