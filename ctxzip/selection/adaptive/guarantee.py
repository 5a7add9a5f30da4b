"""Split conformal prediction by kind of query: needed depths of labelled queries -> a depth that guarantees a recall."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxzip.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from numpy.typing import NDArray

# Groups of kinds.
ALL = "all"
RARE = "rare"  # the kinds with too few queries for a group of their own

# Queries times alpha that make a kind a group of its own: with 10 / alpha queries the standard deviation of the coverage over
# calibration sets, sqrt(alpha * (1 - alpha) / n) (Vovk 2012), is below a third of alpha.
_MIN_QUERIES_TIMES_ALPHA = 10


def min_queries(recall: float) -> int:
    """Return how many labelled queries a guarantee of this recall needs at least.

    >>> min_queries(0.9), min_queries(0.95), min_queries(0.99)
    (9, 19, 99)
    """
    share = _exact(recall)
    return math.ceil(share / (1 - share))


def check_recall(recall: Any) -> None:
    """Raise UsageError where a recall is not a number between 0 and 1, both excluded."""
    if isinstance(recall, bool) or not isinstance(recall, int | float) or not 0 < recall < 1:
        raise UsageError("expected a number between 0 and 1, such as 0.9", option="recall", value=recall)


@dataclass(frozen=True, slots=True)
class NeededDepths:
    """The calibration scores of the labelled queries of one kind: how deep each must go to keep all its needed evidence.

    Attributes:
        depths: `(n_reached,)` float64, ascending, at least 0.
        n_unreached: number of queries whose evidence is in no unit, so that no depth keeps it.
    """

    depths: NDArray[np.float64]
    n_unreached: int = 0

    @property
    def n(self) -> int:
        """The number of all queries."""
        return len(self.depths) + self.n_unreached


@dataclass(frozen=True, slots=True)
class DepthQuantile:
    """A quantile of needed depths: how deep to go for one kind of query.

    Attributes:
        depth: units of at most this depth are kept.
        n: number of labelled queries that it is a quantile of.
        group: which queries these are: one kind, `rare` (the kinds with few queries together) or `all`.
        alpha: 0..1, share of the queries that may lose evidence.
        is_calibrated: whether the labelled queries include the kind that the quantile is for.
    """

    depth: float
    n: int
    group: str
    alpha: float
    is_calibrated: bool


def conformal_depth(by_kind: Mapping[str, NeededDepths], kind: str, recall: float, source: str) -> DepthQuantile:
    """Return the depth that keeps all needed evidence of at least a share of the queries of a kind.

    It is the needed depth of rank ceil((n + 1) * recall) in the group of the kind. Where the kind has no group of its own,
    the same quantile of its few queries alone holds if it is deeper: going deeper breaks no guarantee.

    Args:
        by_kind: needed depths of the labelled queries of each kind.
        kind: of the query.
        recall: the share of the queries, between 0 and 1.
        source: names the calibration in messages.

    Raises:
        UsageError: there are too few queries for this recall, or too many whose evidence is in no unit.
    """
    check_recall(recall)
    share = _exact(recall)
    group, depths, n = _group_of(by_kind, kind, share)
    rank = math.ceil((n + 1) * share)
    if rank > n:
        raise UsageError(
            f"needs at least {min_queries(recall)} labelled questions, "
            f"and {source} has {n}: calibrate on more, or set at most {_round_down(n / (n + 1)):g}",
            option="recall",
            value=recall,
        )
    if rank > len(depths):
        raise UsageError(
            f"the evidence of {n - len(depths)} of the {n} questions in {source} is in no unit: "
            f"set at most {_round_down(len(depths) / (n + 1)):g}",
            option="recall",
            value=recall,
        )
    own = 0.0 if group == kind else _own_depth(by_kind.get(kind), share)
    return DepthQuantile(max(float(depths[rank - 1]), own), n, group, float(1 - share), kind in by_kind)


def pooled_depth(by_kind: Mapping[str, NeededDepths], share: float) -> DepthQuantile:
    """Return the depth that a share of the labelled queries of all kinds needed at most; it guarantees nothing.

    One depth for all kinds costs the fewest words for the same recall (models/README.md has the measurements).
    """
    n = sum(needed.n for needed in by_kind.values())
    depths = np.sort(np.concatenate([needed.depths for needed in by_kind.values()]))
    rank = min(math.ceil(n * _exact(share)), len(depths))
    return DepthQuantile(float(depths[rank - 1]) if rank else math.inf, n, ALL, 1 - share, is_calibrated=True)


def _own_depth(needed: NeededDepths | None, share: Fraction) -> float:
    """Return the quantile of the queries of one kind alone; 0 where they are too few for one."""
    if needed is None or not len(needed.depths) or (rank := math.ceil((needed.n + 1) * share)) > needed.n:
        return 0.0
    return float(needed.depths[min(rank, len(needed.depths)) - 1])


def _group_of(by_kind: Mapping[str, NeededDepths], kind: str, share: Fraction) -> tuple[str, NDArray[np.float64], int]:
    """Return the group of a kind: its name, its needed depths `(n_reached,)`, ascending, and its number of queries.

    A kind with enough queries is a group of its own. The others are one group, with the smallest of the former where they
    are too few for a guarantee. Groups do not overlap, and depend on numbers of queries only, not on needed depths: so what
    is guaranteed in each group is guaranteed for all queries (Mondrian conformal prediction).
    """
    enough, least = math.ceil(_MIN_QUERIES_TIMES_ALPHA / (1 - share)), math.ceil(share / (1 - share))
    rare: list[str] = []
    n_rare = 0
    by_size = sorted(by_kind, key=lambda name: (by_kind[name].n, name))
    for name in by_size:
        n = by_kind[name].n
        if n >= enough and (n_rare >= least or not rare):
            break
        rare.append(name)
        n_rare += n
    if kind in by_kind and kind not in rare:
        return kind, by_kind[kind].depths, by_kind[kind].n
    members = rare or by_size  # all, for a kind without labelled queries where no kind is rare
    return (
        RARE if len(members) < len(by_size) else ALL,
        np.sort(np.concatenate([by_kind[name].depths for name in members])),
        sum(by_kind[name].n for name in members),
    )


def _round_down(share: float) -> float:
    """Return a share with three digits that is not larger."""
    return math.floor(1000 * share) / 1000


def _exact(share: float) -> Fraction:
    """Return a number as it is written: 0.9 is 9/10, not the nearest binary fraction."""
    from fractions import Fraction

    return Fraction(repr(float(share)))
