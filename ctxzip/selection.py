"""Scores and budget -> the units kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.records import Budget, Scores, Selection, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# These say what stands under them and are no evidence themselves; they are kept with what is.
_HEADS = frozenset({"heading", "table_header"})


def candidates(units: Sequence[Unit], scores: Scores, top_docs: int | None = None) -> list[int]:
    """Return the units that may be kept for their own sake, best first, ties by place in the input.

    Left out are headings and table headers with something under them, and passages that are not
    among the `top_docs` most relevant.
    """
    allowed = _top_passages(units, scores, top_docs)
    parents = {unit.parent for unit in units}
    return sorted(
        (i for i, unit in enumerate(units) if unit.passage in allowed and not (unit.kind in _HEADS and i in parents)),
        key=lambda i: (-scores.probability[i], i),
    )


def groups(units: Sequence[Unit], ranked: Sequence[int]) -> list[list[int]]:
    """Return, for each ranked unit, what comes with it when those before it are kept: itself and new headings."""
    seen: set[int] = set()
    found = []
    for i in ranked:
        group = []
        at: int | None = i
        while at is not None and at not in seen:
            seen.add(at)
            group.append(at)
            at = units[at].parent
        found.append(group)
    return found


def select(
    units: Sequence[Unit],
    ranked: Sequence[int],
    scores: Scores,
    budget: Budget,
    measure: Callable[[Sequence[int]], int],
    *,
    passage_cost: Sequence[int] = (),
    gap_cost: int = 0,
) -> Selection:
    """Keep the units of highest probability that the budget allows, each with its headings.

    Greedy by probability; a unit that does not fit is passed over and smaller ones behind it are
    tried. The one best unit may break every limit but the ceiling in tokens. What is kept never
    measures more than the ceilings: tokens are estimated unit by unit, then the final text is
    measured, and the worst units leave until it fits.

    Args:
        units: all of the request, in document order.
        ranked: indices of the candidates, best first.
        scores: of all units.
        budget: what may be kept.
        measure: tokens of the final text when the given units (in document order) are kept.
        passage_cost: tokens that a passage adds once anything of it is kept (its title), per passage.
        gap_cost: tokens of the mark at a gap.
    """
    reasons: list[str | None] = [None] * len(units)
    kept = _Kept(units, passage_cost, gap_cost)
    if gap_cost and _all_fit(ranked, scores, budget, measure, len(units)):
        # One by one, marks stand for gaps that the next unit closes.
        budget = replace(budget, max_tokens=None, soft_tokens=None)
    for rank, i in enumerate(ranked):
        used = kept.n_tokens + kept.cost(i)
        if budget.max_tokens is not None and used > budget.max_tokens:
            reasons[i] = f"does not fit into {budget.max_tokens} tokens"
        elif rank and budget.threshold is not None and scores.probability[i] < budget.threshold:
            reasons[i] = f"probability below {budget.threshold:.4g}"
        elif budget.max_sentences is not None and len(kept.chosen) >= budget.max_sentences:
            reasons[i] = budget.irrelevant or f"{budget.max_sentences} better are kept"
        elif rank and budget.soft_tokens is not None and used > budget.soft_tokens:
            reasons[i] = f"does not fit into {budget.soft_tokens} tokens"
        else:
            kept.add(i)
    n_tokens = measure(kept.indices())
    while kept.chosen and (excess := _excess(n_tokens, budget, alone=len(kept.chosen) == 1)) > 0:
        while True:
            worst, left = kept.drop_worst()
            reasons[worst] = "does not fit: the final text measures more than its parts"
            excess -= left
            if excess <= 0 or len(kept.chosen) <= 1:
                break
        n_tokens = measure(kept.indices())
    considered = set(ranked)
    for i in range(len(units)):
        if i not in considered and i not in kept.users:
            reasons[i] = "not in the most relevant documents, or nothing under it is kept"
    return Selection(tuple(kept.indices()), n_tokens, tuple(reasons))


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

    def drop_worst(self) -> tuple[int, int]:
        """Take the last chosen unit out; return it and the tokens of all that leaves with it."""
        worst = self.chosen.pop()
        left = 0
        for j in self._with_parents(worst):
            self.users[j] -= 1
            if not self.users[j]:
                del self.users[j]
                self._per_passage[self._units[j].passage] -= 1
                left += self._units[j].n_tokens
        return worst, left

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


def _top_passages(units: Sequence[Unit], scores: Scores, top_docs: int | None) -> set[int]:
    passages = {unit.passage for unit in units}
    if top_docs is None:
        return passages
    return set(sorted(passages, key=lambda p: (-scores.relevance[p], p))[:top_docs])
