"""Limits of the user, scores and a policy's decision -> the budget of one request and its reason.

The budget is enforced in `ctxzip.selection.select_within_budget`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import Budget, Limits
from ctxzip.settings import AUTO

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxzip.selection.adaptive.policy import Answerability, PolicyDecision

# Without a policy, by profile: share, 0..1, of the total excess over the median score that the kept units cover. Chosen by
# recall and words kept with bm25 (measurements in models/README.md).
_EXCESS_SHARES = {None: 0.8, "light": 0.95, "balanced": 0.75, "aggressive": 0.5}
# With a policy, by profile: share, 0..1, of the labelled queries for which the depth is sufficient. Chosen by recall and words
# kept on texts unlike the labelled ones (measurements in models/README.md).
_POLICY_SHARES = {None: 0.92, "light": 0.985, "balanced": 0.94, "aggressive": 0.8}
_MAX_UNITS_IF_EMPTY = {"nothing": 0, "keep-best": 1, "passthrough": None}  # by `Limits.empty`
# Lowest calibrated probability, 0..1, of a unit that is kept to fill a limit. Of 101 questions of the dev sets one needs
# evidence below it; a third of all units are below it (models/README.md).
_MIN_PROBABILITY = 0.001
NO_ANSWER = "the documents do not seem to answer the query"


def decide(
    limits: Limits,
    probability: NDArray[np.float32],
    tokens_in: int,
    decision: PolicyDecision | None = None,
    answerability: Answerability | None = None,
    *,
    is_calibrated: bool = False,
) -> Budget:
    """Return the budget of one request: all limits together, each with its reason.

    Args:
        limits: of the user, checked by `ctxzip.settings.check_limits`.
        probability: `(n,)`, 0..1, of the candidates.
        tokens_in: tokens of the whole request, rendered like the result.
        decision: of the policy; if None, an adaptive budget depends on the scores alone.
        answerability: of the query; None where it is not known.
        is_calibrated: whether the probabilities are calibrated. If so, limits are not filled with units that are almost
            certainly not evidence.
    """
    automatic = _automatic(limits, probability, decision)
    soft_tokens = None if limits.ratio is None else _soft_tokens(limits.ratio, tokens_in)
    reasons: dict[str, str] = {} if automatic is None else {automatic[0]: automatic[2]}  # by mode
    if limits.ratio is not None:
        reasons["ratio"] = f"ratio {limits.ratio:g}: at most {soft_tokens} of {tokens_in} tokens"
    if limits.max_tokens is not None:
        reasons["max_tokens"] = f"at most {limits.max_tokens} tokens"
    if limits.max_sentences is not None:
        noun = "sentence" if limits.max_sentences == 1 else "sentences"
        reasons["max_sentences"] = f"at most {limits.max_sentences} {noun}"
    if limits.threshold is not None:
        reasons["threshold"] = f"probability at least {limits.threshold:g}"
    max_sentences = limits.max_sentences
    thresholds = [limits.threshold, None if automatic is None else automatic[1]]
    if is_calibrated and reasons and thresholds == [None, None]:
        thresholds = [_MIN_PROBABILITY]
    reason, no_answer = "; ".join(reasons.values()) or "no limit", None
    if _is_unanswerable(limits, len(probability), answerability):
        counts = [_MAX_UNITS_IF_EMPTY[limits.empty], limits.max_sentences]
        max_sentences = min((count for count in counts if count is not None), default=None)
        thresholds = [limits.threshold]
        reason, no_answer = f"{NO_ANSWER}: {limits.empty}", NO_ANSWER
    return Budget(
        mode="+".join(reasons) or "none",
        limits=limits,
        max_tokens=limits.max_tokens,
        soft_tokens=soft_tokens,
        max_sentences=max_sentences,
        threshold=max((threshold for threshold in thresholds if threshold is not None), default=None),
        reason=reason,
        guarantee=None if decision is None or no_answer else decision.guarantee,
        no_answer=no_answer,
        answerable=None if answerability is None else answerability.probability,
    )


def _is_unanswerable(limits: Limits, n_units: int, answerability: Answerability | None) -> bool:
    """Return whether a query counts as unanswerable: by the user's probability, else by that of an adaptive budget."""
    if limits.min_answerable is not None and not n_units:
        return True
    if answerability is None:
        return False
    least = limits.min_answerable
    if least is None:
        least = answerability.floor if limits.adaptive else 0.0
    return answerability.probability < least


def policy_share(limits: Limits) -> float:
    """Return the share of the labelled queries, 0..1, for which the depth of an adaptive budget with a policy suffices."""
    return _POLICY_SHARES[limits.profile]


def _automatic(
    limits: Limits, probability: NDArray[np.float32], decision: PolicyDecision | None
) -> tuple[str, float, str] | None:
    """Return mode, threshold and reason of an adaptive budget; None if there is none."""
    if decision is not None:
        return decision.mode, decision.threshold, decision.reason
    if limits.adaptive:
        return limits.profile or AUTO, *_excess_threshold(probability, _EXCESS_SHARES[limits.profile])
    return None


def _soft_tokens(ratio: float, tokens_in: int) -> int:
    """Return the largest number of tokens that is at most `ratio * tokens_in`."""
    n_tokens = math.floor(ratio * tokens_in)
    # 0.29 of 400 is 115.99999999999999 in floating point, and 116 / 400 is 0.29.
    return n_tokens + ((n_tokens + 1) / max(tokens_in, 1) <= ratio)


def _excess_threshold(probability: NDArray[np.float32], share: float) -> tuple[float, str]:
    """Return the lowest probability to keep, 0..1, from the scores alone, and the reason.

    The median serves as the score of a typical text. The best units are kept that together cover a share of the total
    excess over it: one unit if one score is well above the median, many if many are.

    >>> _excess_threshold(np.array([0.9, 0.1, 0.1, 0.1], dtype=np.float32), share=0.8)[1]
    '1 of 4 units is well above the median score'
    """
    n_units = len(probability)
    if not n_units:
        return 0.0, "no text"
    ranked = np.sort(probability.astype(np.float64))[::-1]
    if ranked[0] == 0:
        return 1.0, "no content word of the query occurs in the documents"
    excess = np.maximum(ranked - np.median(ranked), 0)
    if not excess.any():
        return float(ranked[0]), "no unit is above the median score"
    n_kept = int(np.searchsorted(np.cumsum(excess), share * excess.sum())) + 1
    n_kept = min(n_kept, n_units)
    verb = "is" if n_kept == 1 else "are"
    return float(ranked[n_kept - 1]), f"{n_kept} of {n_units} units {verb} well above the median score"
