"""The score ranking of one question in numbers, and what a fitted forest reads in it.

How far down a ranking to go is a question of chance and cost: a forest gives the chance that the best
`r` units hold all the evidence that is needed, and going on pays as long as what the next units add
to it is worth their length. `depths` turns this into one number a unit, the same for all questions.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import logit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxzip.datamodels import Ranking
    from ctxzip.selection.adaptive.forest import Forest

_EDGE = 1e-6  # probabilities next to 0 and 1 have no odds
_BEST = (0, 1, 2, 3, 5, 8, 13)  # places whose odds stand for the head of the ranking
_KINDS = ("comparison", "multi_hop", "list", "time_scoped", "how_why", "yes_no", "definition", "keywords")
QUESTION_FEATURES = (
    "units", "passages", "length", "mass", "entropy", "likely", "all_wrong",
    *(f"odds_{place + 1}" for place in _BEST),
    "relevance_1", "relevance_2", "relevance_3", "relevant", "relevance_gap", "passages_of_best_5",
    "complexity", "several_places", *(f"kind_{kind}" for kind in _KINDS),
)  # fmt: skip
RANK_FEATURES = (
    *QUESTION_FEATURES,
    "rank", "share", "kept", "odds", "next_odds", "below_best", "mass_kept", "mass_left", "complete", "found",
    "kept_passages", "relevance_kept", "relevance_left",
)  # fmt: skip

# Of the share of all probability that is kept, so much is mixed into the chance: where the forest sees
# no difference any more, going on still goes by the scores.
_BY_MASS = 0.02
_DEEPEST = 8.0  # a gain of 1e-8 in chance for the whole text is none
_SHALLOWEST = 4.0  # a gain of 1 for a ten thousandth of the text


def ranks_looked_at(n: int) -> NDArray[np.intp]:
    """Return numbers of units, 1 to `n`, ever wider apart: the forest is asked there.

    >>> ranks_looked_at(20).tolist()
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 20]
    """
    found = [1]
    while found[-1] < n:
        found.append(min(max(found[-1] + 1, found[-1] * 5 // 4), n))
    return np.array(found, dtype=np.intp)


def question_features(ranking: Ranking) -> NDArray[np.float32]:
    """Return `QUESTION_FEATURES` of one question, `(n_features,)`; it has at least one unit."""
    probability = ranking.probability.astype(np.float64)
    odds = logit(probability, _EDGE)
    mass = probability.sum()
    share = probability / max(mass, _EDGE)
    relevance = np.sort(ranking.relevance.astype(np.float64))[::-1]
    padded = np.concatenate([logit(relevance, _EDGE), np.full(3, logit(np.zeros(1), _EDGE)[0])])
    return np.array(
        [
            np.log(len(probability)),
            np.log(max(len(relevance), 1)),
            np.log(max(ranking.size.sum(), 1)),
            np.log(mass + _EDGE),
            -(share * np.log(share + _EDGE)).sum(),
            (probability > 0.5).sum(),
            np.log1p(-np.minimum(probability, 1 - _EDGE)).sum(),
            *(odds[min(place, len(odds) - 1)] for place in _BEST),
            *padded[:3],
            (relevance > 0.5).sum(),
            padded[0] - padded[1],
            len(set(ranking.passage[:5].tolist())),
            ranking.complexity,
            ranking.needs_several_passages,
            *(ranking.kind == kind for kind in _KINDS),
        ],
        dtype=np.float32,
    )


def rank_features(ranking: Ranking, ranks: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return `RANK_FEATURES` where the best 1, 2, ... units are kept, `(n_ranks, n_features)`.

    Args:
        ranking: of at least one unit.
        ranks: `(n_ranks,)`, numbers of units kept, 1 to n.
    """
    probability = ranking.probability.astype(np.float64)
    n = len(probability)
    odds = np.append(logit(probability, _EDGE), logit(np.zeros(1), _EDGE))
    mass = np.cumsum(probability)
    wrong = np.append(0.0, np.cumsum(np.log1p(-np.minimum(probability, 1 - _EDGE))))
    kept = np.cumsum(ranking.size)
    first = np.zeros(n, dtype=np.bool_)  # whether a unit is the first of its passage
    first[np.unique(ranking.passage, return_index=True)[1]] = True
    passages = np.cumsum(first)
    relevance = np.cumsum(np.where(first, ranking.relevance[ranking.passage], 0.0))
    last = ranks - 1
    columns = [
        np.log(ranks),
        ranks / n,
        kept[last] / max(kept[-1], 1),
        odds[last],
        odds[ranks],
        odds[0] - odds[last],
        mass[last] / max(mass[-1], _EDGE),
        np.log(mass[-1] - mass[last] + _EDGE),
        wrong[n] - wrong[ranks],
        wrong[ranks],
        passages[last],
        relevance[last] / max(float(ranking.relevance.sum()), _EDGE),
        float(ranking.relevance.sum()) - relevance[last],
    ]
    asked = np.broadcast_to(question_features(ranking), (len(ranks), len(QUESTION_FEATURES)))
    return np.concatenate([asked, np.stack(columns, axis=1).astype(np.float32)], axis=1)


def reach(ranking: Ranking, forest: Forest) -> NDArray[np.float64]:
    """Return the chance that the best 1, 2, ..., n units hold all that is needed, `(n,)`, never falling.

    The forest is asked at the ranks of `ranks_looked_at`; between two of them the chance is a straight line.
    """
    n = len(ranking.probability)
    ranks = ranks_looked_at(n)
    chances = np.maximum.accumulate(forest.chances(rank_features(ranking, ranks)))
    return np.interp(np.arange(1, n + 1), ranks, chances)


def depths(ranking: Ranking, forest: Forest) -> NDArray[np.float64]:
    """Return the depth of every unit, `(n,)`, never falling; the best has 0.

    To keep as few words as possible for a share of questions that keep all they need, each question
    goes on while chance gained per word is above one price for all (a Lagrange multiplier: Everett
    1963). The gain is that of the concave hull of chance over length, so that units which pay only
    together come together; the depth is minus its logarithm, base 10, from 0 to 12.
    """
    n = len(ranking.probability)
    if n < 2:
        return np.zeros(n)
    mass = np.cumsum(ranking.probability.astype(np.float64))
    chance = (1 - _BY_MASS) * reach(ranking, forest) + _BY_MASS * mass / max(mass[-1], _EDGE)
    cost = np.cumsum(ranking.size) / max(int(ranking.size.sum()), 1)
    gain = _hull_slopes(cost, chance)
    found = np.clip(_SHALLOWEST - np.log10(np.maximum(gain, 10**-_DEEPEST)), 0, None)
    return np.maximum.accumulate(np.concatenate([[0.0], found]))


def _hull_slopes(cost: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slope of the upper concave hull on the way to each point but the first, `(n - 1,)`.

    Args:
        cost: `(n,)`, never falling.
        chance: `(n,)`.

    >>> _hull_slopes(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.1, 1.0])).tolist()
    [0.5, 0.5]
    """
    corners = [0]
    for i in range(1, len(cost)):
        while len(corners) > 1 and _slope(cost, chance, corners[-2], corners[-1]) <= _slope(
            cost, chance, corners[-1], i
        ):
            corners.pop()
        corners.append(i)
    slopes = np.empty(len(cost) - 1)
    for start, end in itertools.pairwise(corners):
        slopes[start:end] = _slope(cost, chance, start, end)
    return slopes


def _slope(cost: NDArray[np.float64], chance: NDArray[np.float64], start: int, end: int) -> float:
    return float((chance[end] - chance[start]) / max(cost[end] - cost[start], 1e-9))
