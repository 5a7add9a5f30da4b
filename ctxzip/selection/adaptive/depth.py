"""How deep each unit of a question stands in its ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.logits import MIN_PROBABILITY, logit
from ctxzip.selection.adaptive.features import depths as reach_depths

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ctxzip.datamodels import Ranking
    from ctxzip.selection.adaptive.forest import Forest

    Depths = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _below_certain(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much each probability lacks to 1: one fixed threshold for all questions."""
    return 1 - ranked


def _below_best(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of the best probability each lacks."""
    return 1 - ranked / ranked[0] if ranked[0] > 0 else np.zeros_like(ranked)


def _mass_before(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of all probability that stands before each (as APS: Romano, Sesia and Candès 2020)."""
    before = np.concatenate([[0.0], np.cumsum(ranked)[:-1]])
    return before / ranked.sum() if ranked[0] > 0 else np.zeros_like(ranked)


def _odds_below_best(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many units of log-odds each lies under the best."""
    odds = logit(ranked)
    below: NDArray[np.float64] = odds[0] - odds
    return below


def _complete_before(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance, units taken as independent, that nothing from each on is evidence."""
    logs = np.log1p(-np.minimum(ranked, 1 - MIN_PROBABILITY))
    complete: NDArray[np.float64] = np.exp(np.cumsum(logs[::-1])[::-1])
    return complete


# Each takes the probabilities, `(n,)` and falling, n at least 1, and returns `(n,)`, never falling.
DEPTHS: dict[str, Depths] = {
    "certainty": _below_certain,
    "best": _below_best,
    "mass": _mass_before,
    "odds": _odds_below_best,
    "complete": _complete_before,
}
DEFAULT_DEPTH = "mass"
REACH = "reach"  # the definition by a fitted forest


def depths(probability: NDArray[np.floating[Any]], definition: str = DEFAULT_DEPTH) -> NDArray[np.float64]:
    """Return the depth of every unit of one question, `(n,)`.

    It rises as the probability falls; the best unit has 0, for it is always kept, and equal
    probabilities have one depth, that of the first of them.

    Args:
        probability: `(n,)`, 0..1, in any order.
        definition: of `DEPTHS`.

    >>> depths(np.array([0.1, 0.8, 0.1])).round(3).tolist()
    [0.8, 0.0, 0.8]
    """
    if not len(probability):
        return np.zeros(0)
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order].astype(np.float64)
    at = np.empty(len(ranked))
    at[order] = _alike(ranked, DEPTHS[definition](ranked))
    return at


def depths_of(ranking: Ranking, definition: str, forest: Forest | None) -> NDArray[np.float64]:
    """Return the depth of every unit of a ranking, `(n,)`, never falling.

    Args:
        ranking: of the question.
        definition: of `DEPTHS`, or `reach`.
        forest: that `reach` asks; the others need none.
    """
    if definition != REACH or forest is None:
        return depths(ranking.probability, definition)
    if not len(ranking.probability):
        return np.zeros(0)
    return _alike(ranking.probability.astype(np.float64), reach_depths(ranking, forest))


def _alike(ranked: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let depths never fall, and give equal probabilities that of the first of them; the best have 0."""
    first = np.searchsorted(-ranked, -ranked)
    found = np.maximum.accumulate(found)[first]
    found[ranked == ranked[0]] = 0
    return found
