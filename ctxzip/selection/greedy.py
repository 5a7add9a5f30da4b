"""Scores and budget -> the units kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.datamodels import Budget, Scores, Selection, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterator, Sequence

# Why a unit is dropped, as `--explain` says it; two more name a twin, or why nothing is relevant.
NO_ROOM = "no room"
BELOW_THRESHOLD = "below the threshold"
ENOUGH_KEPT = "enough units kept"
NOT_TOP_DOCUMENT = "not in the most relevant documents"
NOTHING_UNDER_IT = "nothing under it kept"

# These say what stands under them and are no evidence themselves; they are kept with what is.
_HEADS = frozenset({"heading", "table_header"})


def candidates(
    units: Sequence[Unit], scores: Scores, top_docs: int | None = None, always: Collection[int] = ()
) -> list[int]:
    """Return the units that may be kept for their own sake, best first, ties by place in the input.

    Left out are headings and table headers with something under them, and passages that are not
    among the `top_docs` most relevant, those of `always` not counted.
    """
    passages = {unit.passage for unit in units}
    allowed = passages if top_docs is None else {*always, *_top_passages(passages.difference(always), scores, top_docs)}
    parents = {unit.parent for unit in units}
    probability = scores.probability.tolist()
    return sorted(
        (i for i, unit in enumerate(units) if unit.passage in allowed and not (unit.kind in _HEADS and i in parents)),
        key=lambda i: (-probability[i], i),
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


def covering(ranked: Sequence[int], units: Sequence[Unit], sides: Sequence[Collection[int]]) -> list[int]:
    """Return the ranking of a question that needs several places, so that a small budget sees more than one.

    Where it is known what is compared, the best unit about each side comes right behind the best of all; else
    the best unit of a second passage comes third, where the best two are from one. Not second: of the first 84
    answerable questions of hotpotqa 48 keep all their evidence in two sentences without any of this, 45 with a second
    passage at once, and 47 so; in three sentences 60, 62 and 62. Over 14 budgets (3 to 30% of the words, 2 to 5 sentences,
    60 to 150 tokens) and the first 100 questions each of hotpotqa, 2wiki and musique, a question more keeps its evidence 14
    times and one less 2 times; over the next 150 of hotpotqa, on which nothing was chosen, 5 times and never.

    Args:
        ranked: indices of the candidates, best first.
        units: all of the request.
        sides: passages about each thing compared; empty where nothing is.
    """
    first = list(ranked[: 1 if sides else 2])
    wanted = sides or [{unit.passage for unit in units} - {units[i].passage for i in first[:1]}]
    if sides or len({units[i].passage for i in first}) == 1:
        best = (next((i for i in ranked if units[i].passage in side), None) for side in wanted)
        first += sorted((i for i in best if i is not None), key=ranked.index)
    first = list(dict.fromkeys(first))
    return first + [i for i in ranked if i not in first]


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
    leans: Callable[[int], bool] | None = None,
) -> Selection:
    """Keep the best units that the budget allows, each with its headings and what it leans on.

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
        leans: whether a unit needs the one before it to be understood. That comes along where every limit
            but the threshold allows, and where there is one, behind all that reach it.
    """
    reasons: list[str | None] = [None] * len(units)
    kept = _Kept(units, passage_cost, gap_cost)
    ceilings = budget
    if gap_cost and _all_fit(ranked, scores, budget, measure, len(units)):
        # One by one, marks stand for gaps that the next unit closes.
        ceilings = replace(budget, max_tokens=None, soft_tokens=None)
    candidate = frozenset(ranked)
    said: dict[Hashable, int] = {}  # the unit kept for each key
    twins: dict[int, int] = {}  # of those left out for it, the one kept

    def take(i: int, *, best: bool = False) -> str | None:
        """Keep a unit, or return why not."""
        reason = _beyond(ceilings, kept, i, best=best)
        words = key(i) if key and reason is None else None
        if words is not None and (twin := said.setdefault(words, i)) != i:
            twins[i] = twin
            reason = _twin_of(units[twin])
        if reason is None:
            kept.add(i)
        return reason

    def bring_before(i: int) -> None:
        if leans and i - 1 in candidate and i - 1 not in kept.users and leans(i):
            take(i - 1)

    for rank, i in enumerate(ranked):
        if i in kept.users:
            continue
        best = not kept.chosen
        lowest = budget.limits.threshold if best and budget.threshold is not None else budget.threshold
        below = rank > 0 and lowest is not None and scores.probability[i] < lowest
        reasons[i] = BELOW_THRESHOLD if below else take(i, best=best)
        if reasons[i] is None and budget.threshold is None:
            bring_before(i)
    if budget.threshold is not None:
        for i in tuple(kept.chosen):
            bring_before(i)
    n_tokens = _trimmed(kept, budget, measure)
    allowed = {units[i].passage for i in ranked}
    for i, unit in enumerate(units):
        if i in kept.users:
            reasons[i] = None
        elif i not in candidate:
            reasons[i] = NOTHING_UNDER_IT if unit.passage in allowed else NOT_TOP_DOCUMENT
        elif reasons[i] is None or (i in twins and twins[i] not in kept.users):
            reasons[i] = NO_ROOM  # it left, or that which it repeats did, when the final text was measured
    return Selection(tuple(kept.indices()), n_tokens, tuple(reasons))


def _twin_of(unit: Unit) -> str:
    return f"twin of [{unit.passage}, {unit.start}, {unit.end}]"


def _beyond(budget: Budget, kept: _Kept, i: int, *, best: bool) -> str | None:
    """Return which limit a unit would break, whatever its probability; the best may break all but one."""
    used = kept.n_tokens + kept.cost(i)
    if budget.max_tokens is not None and used > budget.max_tokens:
        return NO_ROOM
    if budget.max_sentences is not None and len(kept.chosen) >= budget.max_sentences:
        return budget.irrelevant or ENOUGH_KEPT
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


def _top_passages(passages: Collection[int], scores: Scores, top_docs: int) -> list[int]:
    return sorted(passages, key=lambda p: (-scores.relevance[p], p))[:top_docs]
