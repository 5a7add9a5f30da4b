"""Scores and budget -> the units kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxzip.records import Budget, Scores, Selection, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# These say what stands under them and are no evidence themselves; they are kept with what is.
_HEADS = frozenset({"heading", "table_header"})


def select(
    units: Sequence[Unit],
    scores: Scores,
    budget: Budget,
    measure: Callable[[Sequence[int]], int],
    *,
    top_docs: int | None = None,
    passage_cost: Sequence[int] = (),
    gap_cost: int = 0,
) -> Selection:
    """Keep the units of highest probability that the budget allows, each with its headings.

    Greedy by probability, ties by place in the input; a unit that does not fit is passed over and
    smaller ones behind it are tried. The one best unit may break every limit but the ceiling in
    tokens. What is kept never measures more than the ceilings: tokens are estimated unit by unit,
    then the final text is measured, and the worst units leave until it fits.

    Args:
        units: all of the request, in document order.
        scores: of these units.
        budget: what may be kept.
        measure: tokens of the final text when the given units (in document order) are kept.
        top_docs: keep units of this many most relevant passages only.
        passage_cost: tokens that a passage adds once anything of it is kept (its title), per passage.
        gap_cost: tokens of the mark at a gap.
    """
    reasons: list[str | None] = [None] * len(units)
    allowed = _top_passages(units, scores, top_docs)
    parents = {unit.parent for unit in units}
    ranked = sorted(
        (i for i, unit in enumerate(units) if not (unit.kind in _HEADS and i in parents)),
        key=lambda i: (-scores.probability[i], i),
    )
    eligible = [i for i in ranked if units[i].passage in allowed]
    best = eligible[0] if eligible else None
    chosen: list[int] = []
    kept: set[int] = set()
    passages: set[int] = set()
    used = 0
    for i in ranked:
        unit = units[i]
        group = [j for j in _with_parents(i, units) if j not in kept]
        cost = sum(units[j].n_tokens for j in group) + (gap_cost if kept else 0)
        if passage_cost and unit.passage not in passages:
            cost += passage_cost[unit.passage]
        if unit.passage not in allowed:
            reasons[i] = f"not in the {top_docs} most relevant documents"
        elif budget.max_tokens is not None and used + cost > budget.max_tokens:
            reasons[i] = f"does not fit into {budget.max_tokens} tokens"
        elif i != best and budget.threshold is not None and scores.probability[i] < budget.threshold:
            reasons[i] = f"probability below {budget.threshold:.4g}"
        elif budget.max_sentences is not None and len(chosen) >= budget.max_sentences:
            reasons[i] = f"{budget.max_sentences} better sentences are kept"
        elif i != best and budget.soft_tokens is not None and used + cost > budget.soft_tokens:
            reasons[i] = f"does not fit into {budget.soft_tokens} tokens"
        else:
            chosen.append(i)
            kept.update(group)
            passages.add(unit.passage)
            used += cost
    n_tokens = measure(sorted(kept))
    while chosen and (excess := _excess(n_tokens, budget, best_alone=len(chosen) == 1)) > 0:
        while chosen and excess > 0:
            worst = chosen.pop()
            excess -= units[worst].n_tokens
            reasons[worst] = "does not fit: the final text measures more than its parts"
        kept = {j for i in chosen for j in _with_parents(i, units)}
        n_tokens = measure(sorted(kept))
    for i, unit in enumerate(units):
        if unit.kind in _HEADS and i not in kept and reasons[i] is None:
            reasons[i] = "nothing under it is kept"
    return Selection(tuple(sorted(kept)), n_tokens, tuple(reasons))


def _excess(n_tokens: int, budget: Budget, *, best_alone: bool) -> int:
    ceilings = [budget.max_tokens, None if best_alone else budget.soft_tokens]
    return max((n_tokens - ceiling for ceiling in ceilings if ceiling is not None), default=0)


def _with_parents(i: int, units: Sequence[Unit]) -> Iterable[int]:
    at: int | None = i
    while at is not None:
        yield at
        at = units[at].parent


def _top_passages(units: Sequence[Unit], scores: Scores, top_docs: int | None) -> set[int]:
    passages = {unit.passage for unit in units}
    if top_docs is None:
        return passages
    return set(sorted(passages, key=lambda p: (-scores.relevance[p], p))[:top_docs])
