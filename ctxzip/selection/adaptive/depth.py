"""The depth of each unit in the ranking of its query: 0 for the best, rising as the probability falls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip._internal.logits import MIN_PROBABILITY, logit
from ctxzip.selection.adaptive.fitted_depth import fitted_depths

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ctxzip.datamodels import Ranking
    from ctxzip.selection.adaptive.forest import Forest

    DepthDefinition = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _below_certain(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 minus each probability: one fixed threshold for all queries."""
    return 1 - ranked


def _below_best(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 minus the ratio of each probability to the best."""
    return 1 - ranked / ranked[0] if ranked[0] > 0 else np.zeros_like(ranked)


def _mass_before(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the sum of all probabilities in the units before each (as APS: Romano, Sesia and Candès 2020)."""
    before = np.concatenate([[0.0], np.cumsum(ranked)[:-1]])
    return before / ranked.sum() if ranked[0] > 0 else np.zeros_like(ranked)


def _odds_below_best(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the difference of the log-odds of the best and of each."""
    odds = logit(ranked)
    below: NDArray[np.float64] = odds[0] - odds
    return below


def _complete_before(ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability that neither a unit nor any after it is evidence, if units are independent."""
    logs = np.log1p(-np.minimum(ranked, 1 - MIN_PROBABILITY))
    complete: NDArray[np.float64] = np.exp(np.cumsum(logs[::-1])[::-1])
    return complete


# Definitions of depth by probability alone. Each takes `(n,)` descending probabilities, n at least 1, and returns `(n,)`
# ascending numbers.
DEPTHS: dict[str, DepthDefinition] = {
    "certainty": _below_certain,
    "best": _below_best,
    "mass": _mass_before,
    "odds": _odds_below_best,
    "complete": _complete_before,
}
DEFAULT_DEPTH = "mass"
FITTED_DEPTH = "reach"  # the definition by a fitted forest (`fitted_depth`), as options and policy files name it


def depths(probability: NDArray[np.floating[Any]], definition: str = DEFAULT_DEPTH) -> NDArray[np.float64]:
    """Return the depth of every unit of one query, `(n,)`, by a definition of `DEPTHS`.

    The best unit has depth 0, because it is always kept. Units of equal probability have the same depth.

    Args:
        probability: `(n,)`, 0..1, in any order.
        definition: a key of `DEPTHS`.

    >>> depths(np.array([0.1, 0.8, 0.1])).round(3).tolist()
    [0.8, 0.0, 0.8]
    """
    if not len(probability):
        return np.zeros(0)
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order].astype(np.float64)
    by_unit = np.empty(len(ranked))
    by_unit[order] = _equal_for_ties(ranked, DEPTHS[definition](ranked))
    return by_unit


def depths_of(ranking: Ranking, definition: str, forest: Forest | None) -> NDArray[np.float64]:
    """Return the depth of every unit of a ranking, `(n,)`, ascending.

    Args:
        ranking: of one query.
        definition: a key of `DEPTHS`, or `FITTED_DEPTH`.
        forest: of `FITTED_DEPTH`; other definitions need none.
    """
    if definition != FITTED_DEPTH or forest is None:
        return depths(ranking.probability, definition)
    if not len(ranking.probability):
        return np.zeros(0)
    return _equal_for_ties(ranking.probability.astype(np.float64), fitted_depths(ranking, forest))


def _equal_for_ties(ranked: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return depths that never fall, are equal for equal probabilities, and are 0 for the best.

    Args:
        ranked: `(n,)` descending probabilities.
        found: `(n,)` depths by some definition.
    """
    first = np.searchsorted(-ranked, -ranked)
    found = np.maximum.accumulate(found)[first]
    found[ranked == ranked[0]] = 0
    return found
