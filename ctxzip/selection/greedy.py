"""Scores and budget -> the units kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.datamodels import Budget, Scores, Selection, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

# Why a unit is dropped, as `--explain` says it; others name the near-duplicate that is kept, or why nothing answers the query.
NO_ROOM = "no room"
BELOW_THRESHOLD = "below the threshold"
ENOUGH_KEPT = "enough units kept"
NOT_TOP_DOCUMENT = "not in the most relevant documents"
NOTHING_UNDER_IT = "nothing under it kept"


def select(
    units: Sequence[Unit],
    ranked: Sequence[int],
    scores: Scores,
    budget: Budget,
    measure: Callable[[Sequence[int]], int],
    *,
    passage_cost: Sequence[int] = (),
    gap_cost: int = 0,
    key: Callable[[int], Hashable | None] | None = None,
) -> Selection:
    """Keep the best units that the budget allows, each with its headings.

    Greedy in the order of `ranked`; a unit that does not fit is passed over and smaller ones behind
    it are tried. The one best unit may break every limit but the ceiling in tokens; where it is longer than that, the
    best that fits may break them, but not the threshold of the user. What is kept
    never measures more than the ceilings: tokens are estimated unit by unit, then the final text is
    measured, and the worst units leave until it fits.

    Args:
        units: all of the request, in document order.
        ranked: indices of the candidates, best first.
        scores: of all units.
        budget: what may be kept.
        measure: tokens of the final text when the given units (in document order) are kept.
        passage_cost: tokens that a passage adds once anything of it is kept (its title), per passage.
        gap_cost: tokens of the mark at a gap.
        key: of units with the same key the best is kept; None for a unit that nothing repeats.
    """
    reasons: list[str | None] = [None] * len(units)
    kept = _Kept(units, passage_cost, gap_cost)
    ceilings = budget
    if gap_cost and _all_fit(ranked, scores, budget, measure, len(units)):
        # One by one, marks stand for gaps that the next unit closes.
        ceilings = replace(budget, max_tokens=None, soft_tokens=None)
    candidate = frozenset(ranked)
    first_of: dict[Hashable, int] = {}  # the unit kept for each key
    duplicates: dict[int, int] = {}  # the kept unit of each near-duplicate that is dropped

    def take(i: int, *, best: bool = False) -> str | None:
        """Keep a unit, or return why not."""
        reason = _beyond(ceilings, kept, i, best=best)
        words = key(i) if key and reason is None else None
        if words is not None and (kept_one := first_of.setdefault(words, i)) != i:
            duplicates[i] = kept_one
            reason = _duplicate_of(units[kept_one])
        if reason is None:
            kept.add(i)
        return reason

    for rank, i in enumerate(ranked):
        if i in kept.users:
            continue
        best = not kept.chosen
        lowest = budget.limits.threshold if best and budget.threshold is not None else budget.threshold
        below = rank > 0 and lowest is not None and scores.probability[i] < lowest
        reasons[i] = BELOW_THRESHOLD if below else take(i, best=best)
    n_tokens = _trimmed(kept, budget, measure)
    allowed = {units[i].passage for i in ranked}
    for i, unit in enumerate(units):
        if i in kept.users:
            reasons[i] = None
        elif i not in candidate:
            reasons[i] = NOTHING_UNDER_IT if unit.passage in allowed else NOT_TOP_DOCUMENT
        elif reasons[i] is None or (i in duplicates and duplicates[i] not in kept.users):
            reasons[i] = NO_ROOM  # it left, or that which it repeats did, when the final text was measured
    return Selection(tuple(kept.indices()), n_tokens, tuple(reasons))


def _duplicate_of(unit: Unit) -> str:
    return f"near-duplicate of [{unit.passage}, {unit.start}, {unit.end}]"


def _beyond(budget: Budget, kept: _Kept, i: int, *, best: bool) -> str | None:
    """Return which limit a unit would break, whatever its probability; the best may break all but one."""
    used = kept.n_tokens + kept.cost(i)
    if budget.max_tokens is not None and used > budget.max_tokens:
        return NO_ROOM
    if budget.max_sentences is not None and len(kept.chosen) >= budget.max_sentences:
        return budget.no_answer or ENOUGH_KEPT
    if not best and budget.soft_tokens is not None and used > budget.soft_tokens:
        return NO_ROOM
    return None


def _trimmed(kept: _Kept, budget: Budget, measure: Callable[[Sequence[int]], int]) -> int:
    """Let the worst units leave until the final text fits; return what it measures."""
    n_tokens = measure(kept.indices())
    while kept.chosen and (excess := _excess(n_tokens, budget, alone=len(kept.chosen) == 1)) > 0:
        while True:
            excess -= kept.drop_worst()
            if excess <= 0 or len(kept.chosen) <= 1:
                break
        n_tokens = measure(kept.indices())
    return n_tokens


class _Kept:
    """The units chosen so far with their headings, and what they are estimated to cost."""

    def __init__(self, units: Sequence[Unit], passage_cost: Sequence[int], gap_cost: int) -> None:
        self._units = units
        self._passage_cost = passage_cost
        self._gap_cost = gap_cost
        self._per_passage: Counter[int] = Counter()
        self.chosen: list[int] = []
        self.users: Counter[int] = Counter()  # how many chosen units keep each unit
        self.n_tokens = 0

    def cost(self, i: int) -> int:
        """Return the tokens that unit `i` would add, its headings, title and gap marks included."""
        group = [j for j in self._with_parents(i) if j not in self.users]
        passage = self._units[i].passage
        cost = sum(self._units[j].n_tokens for j in group)
        if self._passage_cost and not self._per_passage[passage]:
            cost += self._passage_cost[passage]
        if self._gap_cost and group:
            pairs = sum(self._kept_beside(j, -1, group) + self._kept_beside(j, 1, []) for j in group)
            cost += self._gap_cost * (len(group) - pairs - (not self._per_passage[passage]))
        return cost

    def add(self, i: int) -> None:
        """Keep unit `i` and its headings."""
        self.n_tokens += self.cost(i)
        self.chosen.append(i)
        for j in self._with_parents(i):
            self._per_passage[self._units[j].passage] += j not in self.users
            self.users[j] += 1

    def drop_worst(self) -> int:
        """Take the last chosen unit out; return the tokens of all that leaves with it."""
        worst = self.chosen.pop()
        left = 0
        for j in self._with_parents(worst):
            self.users[j] -= 1
            if not self.users[j]:
                del self.users[j]
                self._per_passage[self._units[j].passage] -= 1
                left += self._units[j].n_tokens
        return left

    def indices(self) -> list[int]:
        """Return what is kept, in document order."""
        return sorted(self.users)

    def _kept_beside(self, j: int, step: int, group: Sequence[int]) -> bool:
        """Tell whether the neighbour of unit `j` is kept or in `group`: no mark stands between them."""
        beside = j + step
        inside = 0 <= beside < len(self._units) and self._units[beside].passage == self._units[j].passage
        return inside and (beside in self.users or beside in group)

    def _with_parents(self, i: int) -> Iterator[int]:
        at: int | None = i
        while at is not None:
            yield at
            at = self._units[at].parent


def _all_fit(
    ranked: Sequence[int], scores: Scores, budget: Budget, measure: Callable[[Sequence[int]], int], n_units: int
) -> bool:
    if budget.max_sentences is not None and len(ranked) > budget.max_sentences:
        return False
    if budget.threshold is not None and any(scores.probability[i] < budget.threshold for i in ranked):
        return False
    return len(ranked) > 1 and _excess(measure(range(n_units)), budget, alone=False) <= 0


def _excess(n_tokens: int, budget: Budget, *, alone: bool) -> int:
    ceilings = [budget.max_tokens, None if alone else budget.soft_tokens]
    return max((n_tokens - ceiling for ceiling in ceilings if ceiling is not None), default=0)
