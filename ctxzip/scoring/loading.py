"""Settings -> the scorer that they name."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ctxzip.errors import MissingDependencyError, ModelError, UsageError
from ctxzip.model_store import open_model
from ctxzip.settings import AUTO, BM25, MODEL, SCORERS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxzip.model_store import ModelFolder
    from ctxzip.scoring.protocol import ModelScorer, Scorer


def load_scorer(settings: Settings, clock: Callable[[], float] = time.monotonic) -> Scorer:
    """Return the scorer that the settings name.

    `auto` is `hybrid`, or `bm25` with a warning where onnxruntime cannot be used and no GPU is named.

    Args:
        settings: `scorer`, `model`, `threads`, `device`, `batch_tokens`, `cache` and `cache_size_mb` are used.
        clock: of deadlines (`ScoringInput.deadline`), in seconds.

    Raises:
        UsageError: there is no such scorer, model or device.
        ModelError: a file of the model is missing or damaged, or its kind is not known.
        MissingDependencyError: onnxruntime cannot be used, or `device` names CUDA and CUDA does not run here.
    """
    from ctxzip.scoring.bm25 import Bm25Scorer

    if settings.scorer not in SCORERS:
        raise UsageError(f"no scorer {settings.scorer!r}: expected one of {', '.join(SCORERS)}", option="scorer")
    if settings.scorer == BM25:
        return Bm25Scorer()
    folder = open_model(settings.model)
    try:
        scorer = _model_scorer(folder, settings)
    except MissingDependencyError as error:
        if settings.scorer != AUTO or settings.device not in {AUTO, "cpu"}:
            raise
        return Bm25Scorer(warning=f"BM25 scores in place of the model: {error}")
    if settings.cache is not None:
        scorer = _cached(scorer, folder, settings)
    from ctxzip.scoring.limited_scorer import LimitedScorer

    limited = LimitedScorer(scorer, clock)
    if settings.scorer == MODEL:
        return limited
    from ctxzip.scoring.hybrid import HybridScorer

    return HybridScorer(limited, folder.card.get("hybrid"))


def _cached(model: ModelScorer, folder: ModelFolder, settings: Settings) -> ModelScorer:
    from ctxzip.scoring.cache_key import scoring_identity
    from ctxzip.scoring.cached_scorer import CachedScorer
    from ctxzip.scoring.score_cache import ScoreCache

    cache = ScoreCache(Path(settings.cache or ""), settings.cache_size_mb)
    return CachedScorer(model, scoring_identity(folder, model.device), cache)


def _model_scorer(folder: ModelFolder, settings: Settings) -> ModelScorer:
    kind = folder.card.get("kind")
    if kind == "joint":
        from ctxzip.scoring.joint import JointScorer

        return JointScorer(folder, threads=settings.threads, device=settings.device, batch_tokens=settings.batch_tokens)
    if kind == "cross_encoder":
        from ctxzip.scoring.cross_encoder import CrossEncoderScorer

        return CrossEncoderScorer(
            folder, threads=settings.threads, device=settings.device, batch_tokens=settings.batch_tokens
        )
    raise ModelError(
        f"{folder.path}/model.json: kind {kind!r}: expected joint or cross_encoder: import the model again"
    )
