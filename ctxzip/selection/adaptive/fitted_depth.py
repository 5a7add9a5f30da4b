"""Depth by a fitted forest: the probability gained per word on the way down the ranking.

How far to go down a ranking is a question of gain and cost. A forest predicts the probability that the best r units contain
all the evidence that is needed; going on pays as long as the probability that the next units add is worth their length.
`fitted_depths` makes this one number a unit, which is comparable between queries.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.selection.adaptive.features import evaluated_ranks, rank_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxzip.datamodels import Ranking
    from ctxzip.selection.adaptive.forest import Forest

_EDGE = 1e-6  # least sum of probabilities that is divided by
# Weight, 0..1, of the share of all probability in the best r units, beside the forest's prediction: where the forest predicts
# the same for several ranks, the scores still decide.
_MASS_WEIGHT = 0.02
_MIN_LOG_GAIN = -8.0  # log10 of probability per share of the text; a gain of 1e-8 for the whole text is none
_MAX_LOG_GAIN = 4.0  # log10; a gain of 1 for a ten thousandth of the text


def covered_probability(ranking: Ranking, forest: Forest) -> NDArray[np.float64]:
    """Return the probability that the best 1, 2, ..., n units contain all needed evidence, `(n,)`, ascending.

    The forest is evaluated at some ranks (`evaluated_ranks`); between two of them the probability is interpolated linearly.
    """
    n = len(ranking.probability)
    ranks = evaluated_ranks(n)
    probabilities = np.maximum.accumulate(forest.probabilities(rank_features(ranking, ranks)))
    return np.interp(np.arange(1, n + 1), ranks, probabilities)


def fitted_depths(ranking: Ranking, forest: Forest) -> NDArray[np.float64]:
    """Return the depth of every unit of a ranking, `(n,)`, 0..12, ascending; the best has 0.

    To keep as few words as possible for a recall over many queries, each query goes on while the probability gained per word
    is above one price for all of them (a Lagrange multiplier: Everett 1963). The gain is the slope of the concave hull of
    probability over length, so that units which gain only together have one depth; the depth is minus its log10, plus 4.
    """
    n = len(ranking.probability)
    if n < 2:
        return np.zeros(n)
    mass = np.cumsum(ranking.probability.astype(np.float64))
    covered = (1 - _MASS_WEIGHT) * covered_probability(ranking, forest) + _MASS_WEIGHT * mass / max(mass[-1], _EDGE)
    cost = np.cumsum(ranking.size) / max(int(ranking.size.sum()), 1)
    gain = _hull_slopes(cost, covered)
    found = np.clip(_MAX_LOG_GAIN - np.log10(np.maximum(gain, 10**_MIN_LOG_GAIN)), 0, None)
    return np.maximum.accumulate(np.concatenate([[0.0], found]))


def _hull_slopes(cost: NDArray[np.float64], covered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slope of the upper concave hull on the way to each point but the first, `(n - 1,)`.

    Args:
        cost: `(n,)`, ascending.
        covered: `(n,)`.

    >>> _hull_slopes(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.1, 1.0])).tolist()
    [0.5, 0.5]
    """

    def slope(start: int, end: int) -> float:
        return float((covered[end] - covered[start]) / max(cost[end] - cost[start], 1e-9))

    corners = [0]
    for i in range(1, len(cost)):
        while len(corners) > 1 and slope(corners[-2], corners[-1]) <= slope(corners[-1], i):
            corners.pop()
        corners.append(i)
    slopes = np.empty(len(cost) - 1)
    for start, end in itertools.pairwise(corners):
        slopes[start:end] = slope(start, end)
    return slopes
