"""The features that describe the ranking of one query, and each rank in it, to a fitted forest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import logit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxzip.datamodels import Ranking

_EDGE = 1e-6  # probabilities are clipped to this distance from 0 and 1, which have no log-odds
_BEST = (0, 1, 2, 3, 5, 8, 13)  # ranks, from 0, whose log-odds are features
_KINDS = ("comparison", "multi_hop", "list", "time_scoped", "how_why", "yes_no", "definition", "keywords")
# Names of the columns, which policy files repeat.
QUESTION_FEATURES = (
    "units", "passages", "length", "mass", "entropy", "likely", "all_wrong",
    *(f"odds_{rank + 1}" for rank in _BEST),
    "relevance_1", "relevance_2", "relevance_3", "relevant", "relevance_gap", "passages_of_best_5",
    "words_in_any", "words_in_best", "complexity", "several_places", *(f"kind_{kind}" for kind in _KINDS),
)  # fmt: skip
RANK_FEATURES = (
    *QUESTION_FEATURES,
    "rank", "share", "kept", "odds", "next_odds", "below_best", "mass_kept", "mass_left", "complete", "found",
    "kept_passages", "relevance_kept", "relevance_left",
)  # fmt: skip


def evaluated_ranks(n: int) -> NDArray[np.intp]:
    """Return the ranks at which a forest is evaluated: from 1 to `n`, about 25% apart.

    >>> evaluated_ranks(20).tolist()
    [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 20]
    """
    found = [1]
    while found[-1] < n:
        found.append(min(max(found[-1] + 1, found[-1] * 5 // 4), n))
    return np.array(found, dtype=np.intp)


def question_features(ranking: Ranking) -> NDArray[np.float32]:
    """Return `QUESTION_FEATURES` of one query, `(n_features,)`.

    Args:
        ranking: of at least one unit.
    """
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
            *(odds[min(rank, len(odds) - 1)] for rank in _BEST),
            *padded[:3],
            (relevance > 0.5).sum(),
            padded[0] - padded[1],
            len(set(ranking.passage[:5].tolist())),
            *ranking.word_coverage,
            ranking.complexity,
            ranking.needs_several_passages,
            *(ranking.kind == kind for kind in _KINDS),
        ],
        dtype=np.float32,
    )


def rank_features(ranking: Ranking, ranks: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return `RANK_FEATURES` for some numbers of units that are kept from the top, `(n_ranks, n_features)`.

    Args:
        ranking: of at least one unit.
        ranks: `(n_ranks,)`, numbers of units that are kept, 1 to n.
    """
    probability = ranking.probability.astype(np.float64)
    n = len(probability)
    odds = np.append(logit(probability, _EDGE), logit(np.zeros(1), _EDGE))
    mass = np.cumsum(probability)
    no_evidence = np.append(0.0, np.cumsum(np.log1p(-np.minimum(probability, 1 - _EDGE))))
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
        no_evidence[n] - no_evidence[ranks],
        no_evidence[ranks],
        passages[last],
        relevance[last] / max(float(ranking.relevance.sum()), _EDGE),
        float(ranking.relevance.sum()) - relevance[last],
    ]
    of_query = np.broadcast_to(question_features(ranking), (len(ranks), len(QUESTION_FEATURES)))
    return np.concatenate([of_query, np.stack(columns, axis=1).astype(np.float32)], axis=1)
