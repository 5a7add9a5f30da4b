"""Enforces a budget: ranked units -> the units kept, chosen greedily, with a reason for each unit that is dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ctxzip.datamodels import Budget, Selection, Unit
from ctxzip.selection.companions import Companions, add_companions
from ctxzip.selection.dedup import DuplicateFilter
from ctxzip.selection.neighbours import add_neighbours
from ctxzip.selection.token_cost import KeptUnits, TokenCost

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    import numpy as np
    from numpy.typing import NDArray

# Reasons why a unit is dropped, as `--explain` reports them. The others name the kept near-duplicate or are
# `Budget.no_answer`.
NO_ROOM = "no room"
BELOW_THRESHOLD = "below the threshold"
ENOUGH_KEPT = "enough units kept"
NOT_TOP_DOCUMENT = "not in the most relevant documents"
NOTHING_UNDER_IT = "nothing under it kept"


def select(
    ranked: Sequence[int],
    budget: Budget,
    cost: TokenCost,
    probability: NDArray[np.floating[Any]],
    key: Callable[[int], Hashable | None] | None = None,
    companions: Companions | None = None,
) -> Selection:
    """Return the best units that the budget allows, each with its headings and its neighbours.

    Greedy in the order of `ranked`: a unit that does not fit is skipped, and smaller ones after it are tried. The first unit
    that is kept may exceed every limit except `max_tokens`; if it is not the best candidate, because that is too long, the
    user's threshold applies to it. Tokens are estimated unit by unit. Then the final text is counted exactly, and the units
    added last are dropped until it fits, so it never exceeds the token ceilings. Neighbours and then companions are added
    last, in the tokens that are left; only the token ceilings apply to neighbours. There are no companions if the user sets a
    threshold or a recall.

    Args:
        ranked: indices of the candidates in the order in which they are considered, best first.
        budget: what may be kept.
        cost: of the units of the request.
        probability: `(n_units,)`, 0..1, of all units of the request.
        key: returns a key for a unit: of the units with one key only the first is kept. None for a unit without
            near-duplicates.
        companions: finds what a unit is not understood without. What it has in `together` is kept whatever its probability,
            unless the user sets a threshold.
    """
    together = companions.together if companions is not None and budget.limits.threshold is None else {}
    reasons: list[str | None] = [None] * len(cost.units)
    kept = KeptUnits(cost)
    duplicates = DuplicateFilter(key)
    ceilings = budget
    if cost.gap_tokens and _all_fit(ranked, budget, cost, probability):
        # Estimates would include gap marks between units whose gap closes when the next unit is kept.
        ceilings = replace(budget, max_tokens=None, soft_tokens=None)
    because: dict[int, tuple[str, int]] = {}  # why units are kept that are not among the best, and with which unit
    for rank, i in enumerate(ranked):
        if i in kept:
            continue
        is_first = not kept.chosen
        threshold = budget.limits.threshold if is_first and budget.threshold is not None else budget.threshold
        is_low = rank > 0 and threshold is not None and probability[i] < threshold
        why = together.get(i)
        if is_low and (why is None or why[1] not in kept):
            reasons[i] = BELOW_THRESHOLD
        elif reason := _exceeded(ceilings, kept, i, is_first=is_first):
            reasons[i] = reason
        elif (original := duplicates.original_of(i)) is not None:
            reasons[i] = _duplicate_of(cost.units[original])
        else:
            kept.add(i)
            if is_low and why is not None:
                because[i] = why
    n_best = len(kept.chosen)
    because |= _kept_besides(kept, ranked, budget, cost, ceilings, companions)
    for i in because:
        reasons[i] = NO_ROOM  # unless it is kept in the end
    n_tokens = _drop_until_it_fits(kept, budget, cost, n_best)
    return Selection(
        tuple(kept.indices()),
        n_tokens,
        _final_reasons(reasons, ranked, kept, cost.units, duplicates),
        tuple(
            f"{because[i][0]} {_place(cost.units[because[i][1]])}" if i in because and i in kept else None
            for i in range(len(cost.units))
        ),
    )


def _kept_besides(
    kept: KeptUnits,
    ranked: Sequence[int],
    budget: Budget,
    cost: TokenCost,
    ceilings: Budget,
    companions: Companions | None,
) -> dict[int, tuple[str, int]]:
    """Keep neighbours and companions of the best units that fit; return for all of them why, and the unit they belong to."""
    n_best = len(kept.chosen)

    def fits(i: int) -> bool:
        return not _too_long(ceilings, kept.n_tokens + kept.estimate(i))

    because = {i: ("neighbour of", best) for i, best in add_neighbours(kept, ranked, cost.units, budget, fits).items()}
    if companions is not None and budget.limits.threshold is None and budget.limits.recall is None:
        because |= add_companions(kept, n_best, companions, fits, budget.max_sentences)
    return because


def _final_reasons(
    reasons: Sequence[str | None],
    ranked: Sequence[int],
    kept: KeptUnits,
    units: Sequence[Unit],
    duplicates: DuplicateFilter,
) -> tuple[str | None, ...]:
    """Return the reason why each unit is dropped, None for kept units, after the final text was counted.

    Args:
        reasons: of the greedy choice; None for units that were kept by it and for units that are not candidates.
        ranked: the candidates.
        kept: the units kept in the final text.
        units: of the request.
        duplicates: the near-duplicates that were dropped.
    """
    candidates = frozenset(ranked)
    passages = {units[i].passage for i in ranked}
    final: list[str | None] = []
    for i, (unit, reason) in enumerate(zip(units, reasons, strict=True)):
        original = duplicates.dropped.get(i)
        if i in kept:
            final.append(None)
        elif i not in candidates:
            final.append(NOTHING_UNDER_IT if unit.passage in passages else NOT_TOP_DOCUMENT)
        elif reason is None or (original is not None and original not in kept):
            final.append(NO_ROOM)  # it, or the unit that it duplicates, was dropped to make the final text fit
        else:
            final.append(reason)
    return tuple(final)


def _duplicate_of(unit: Unit) -> str:
    return f"near-duplicate of {_place(unit)}"


def _place(unit: Unit) -> str:
    return f"[{unit.passage}, {unit.start}, {unit.end}]"


def _exceeded(budget: Budget, kept: KeptUnits, i: int, *, is_first: bool) -> str | None:
    """Return which limit forbids one more unit, as a reason; None if none does. The first may exceed the soft ceiling."""
    n_tokens = kept.n_tokens + kept.estimate(i)
    if budget.max_tokens is not None and n_tokens > budget.max_tokens:
        return NO_ROOM
    if budget.max_sentences is not None and len(kept.chosen) >= budget.max_sentences:
        return budget.no_answer or ENOUGH_KEPT
    return None if is_first or not _too_long(budget, n_tokens) else NO_ROOM


def _too_long(budget: Budget, n_tokens: int) -> bool:
    """Return whether an estimated number of tokens exceeds a ceiling."""
    return any(limit is not None and n_tokens > limit for limit in (budget.max_tokens, budget.soft_tokens))


def _drop_until_it_fits(kept: KeptUnits, budget: Budget, cost: TokenCost, n_best: int) -> int:
    """Drop the units that were added last until the final text fits the token ceilings; return its tokens.

    Units after the first `n_best` are neighbours. The others are dropped only if dropping all neighbours is not enough.
    """
    n_tokens = cost.count(kept.indices())
    while kept.chosen and (excess := _excess(n_tokens, budget, is_alone=len(kept.chosen) == 1)) > 0:
        while True:
            excess -= kept.drop_last()
            if excess <= 0 or len(kept.chosen) in {0, 1, n_best}:
                break
        n_tokens = cost.count(kept.indices())
    return n_tokens


def _all_fit(ranked: Sequence[int], budget: Budget, cost: TokenCost, probability: NDArray[np.floating[Any]]) -> bool:
    """Return whether all units of the request are within the budget when all are kept, so that there are no gaps."""
    if budget.max_sentences is not None and len(ranked) > budget.max_sentences:
        return False
    if budget.threshold is not None and any(probability[i] < budget.threshold for i in ranked):
        return False
    return len(ranked) > 1 and _excess(cost.count(range(len(cost.units))), budget, is_alone=False) <= 0


def _excess(n_tokens: int, budget: Budget, *, is_alone: bool) -> int:
    """Return by how many tokens the tighter ceiling is exceeded; for a unit that is alone `max_tokens` is the only one."""
    ceilings = [budget.max_tokens, None if is_alone else budget.soft_tokens]
    return max((n_tokens - ceiling for ceiling in ceilings if ceiling is not None), default=0)
