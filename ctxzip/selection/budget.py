"""Limits, score profile and policy -> how much may be kept of one request, and why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import Budget, Limits
from ctxzip.settings import AUTO

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxzip.datamodels import Cut

# Of what stands out from the middle of the field, keep the best units that hold this share. With bm25 on
# the first 120 questions of each of the eleven sets of README.md (`ctxzip eval`, run with each value): 0.6 keeps
# 13.2% of the words and the evidence of 79.2% of the questions, 0.8 21.1% and 85.2%, 0.9 28.3% and 87.7%; a
# fixed ratio of 20% keeps that of 82.8%.
_SHARES = {None: 0.8, "light": 0.95, "balanced": 0.75, "aggressive": 0.5}
# Where a policy is there: as deep as this share of its questions needed. On texts unlike those (`ctxzip eval --method hybrid
# fixtures/requests.jsonl`, run with each value) 0.9 keeps 16.3% of the words and the evidence of 14 of 19 questions, 0.92
# 23.7% and 16, 0.95 34.9% and 17. The profiles keep what their names stand for: of 20 questions of each of the eleven
# sets of README.md (`ctxzip select --profile`) 34.1, 15.0 and 5.6% of the tokens.
_REACHED = {None: 0.92, "light": 0.985, "balanced": 0.94, "aggressive": 0.8}
EMPTY = {"nothing": 0, "keep-best": 1, "passthrough": None}  # most units kept where nothing seems to answer the query
NO_ANSWER = "no passage is relevant"


def decide(limits: Limits, probability: NDArray[np.float32], tokens_in: int, cut: Cut | None = None) -> Budget:
    """Turn what the user allows into what may be kept of this request. The tightest limit holds.

    Args:
        limits: checked by `check`.
        probability: `(n,)` of the units that may be kept at all.
        tokens_in: tokens of the full rendering.
        cut: how far down a calibrated policy goes; None leaves an adaptive budget to the score
            profile alone.
    """
    mode: list[str] = []
    reasons: list[str] = []
    threshold = limits.threshold
    automatic = None
    if cut is not None:
        automatic, name, reason = cut.threshold, cut.mode, cut.reason
    elif limits.adaptive:
        name = limits.profile or AUTO
        automatic, reason = _auto(probability, _SHARES[limits.profile])
    if automatic is not None:
        threshold = automatic if threshold is None else max(threshold, automatic)
        mode.append(name)
        reasons.append(reason)
    soft_tokens = None
    if limits.ratio is not None:
        soft_tokens = math.floor(limits.ratio * tokens_in)
        # 0.29 of 400 is 115.99999999999999 in floating point, and 116 / 400 is 0.29.
        soft_tokens += (soft_tokens + 1) / max(tokens_in, 1) <= limits.ratio
        mode.append("ratio")
        reasons.append(f"ratio {limits.ratio:g}: at most {soft_tokens} of {tokens_in} tokens")
    if limits.max_tokens is not None:
        mode.append("max_tokens")
        reasons.append(f"at most {limits.max_tokens} tokens")
    if limits.max_sentences is not None:
        mode.append("max_sentences")
        reasons.append(f"at most {limits.max_sentences} {'sentence' if limits.max_sentences == 1 else 'sentences'}")
    if limits.threshold is not None:
        mode.append("threshold")
        reasons.append(f"probability at least {limits.threshold:g}")
    if cut is not None and cut.no_answer:
        return Budget(
            mode="+".join(mode),
            limits=limits,
            max_tokens=limits.max_tokens,
            soft_tokens=soft_tokens,
            max_sentences=min((n for n in (EMPTY[limits.empty], limits.max_sentences) if n is not None), default=None),
            threshold=limits.threshold,
            reason=f"{NO_ANSWER}: {limits.empty}",
            no_answer=NO_ANSWER,
        )
    return Budget(
        mode="+".join(mode) or "none",
        limits=limits,
        max_tokens=limits.max_tokens,
        soft_tokens=soft_tokens,
        max_sentences=limits.max_sentences,
        threshold=threshold,
        reason="; ".join(reasons) or "no limit",
        guarantee=None if cut is None else cut.guarantee,
    )


def share_of(limits: Limits) -> float:
    """Return the share of labelled questions that an adaptive budget goes as deep for as they needed."""
    return _REACHED[limits.profile]


def _auto(probability: NDArray[np.float32], share: float) -> tuple[float, str]:
    """Return the lowest probability worth keeping, and why.

    The middle of the field (the median) is taken for what any text about the subject scores; what
    lies above it speaks for a unit. Kept are the best units that together hold a fixed share of
    that, so a profile with one peak keeps one unit and a broad one keeps many.

    >>> _auto(np.array([0.9, 0.1, 0.1, 0.1], dtype=np.float32), share=0.8)[1]
    '1 of 4 units stands out of the scores'
    """
    n_units = len(probability)
    if not n_units:
        return 0.0, "no text"
    ranked = np.sort(probability.astype(np.float64))[::-1]
    if ranked[0] == 0:
        return 1.0, "no content word of the question occurs in the documents"
    excess = np.maximum(ranked - np.median(ranked), 0)
    if not excess.any():
        return float(ranked[0]), "no unit stands out of the scores"
    n_kept = int(np.searchsorted(np.cumsum(excess), share * excess.sum())) + 1
    n_kept = min(n_kept, n_units)
    return float(
        ranked[n_kept - 1]
    ), f"{n_kept} of {n_units} units {'stands' if n_kept == 1 else 'stand'} out of the scores"
