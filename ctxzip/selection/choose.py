"""One scored request -> the units that are kept, the budget and its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ctxzip.datamodels import NOT_ENGLISH, Budget, Ranking, RecordWarning, Selection
from ctxzip.selection import budget as budgets
from ctxzip.selection.candidates import candidates, covering, groups
from ctxzip.selection.dedup import Duplicates
from ctxzip.selection.greedy import select
from ctxzip.selection.segments import CONTEXT, outside_context, select_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ctxzip.datamodels import Cut, ParsedQuery, Request, Scored, Scores, Unit
    from ctxzip.settings import Settings


class Layout(Protocol):
    """How a request is written, as far as that decides what fits (`ctxzip.rendering.draft`)."""

    def measure(self, kept: Collection[int]) -> int:
        """Return the tokens of the final text with the given units kept."""
        ...

    def passage_costs(self) -> list[int]:
        """Return the tokens of the line above each passage; empty where there is none."""
        ...

    @property
    def gap_cost(self) -> int:
        """Tokens of the mark at a gap; 0 without one."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """What is kept of one request, under which budget, and what its reader must not miss."""

    selection: Selection
    budget: Budget
    warnings: tuple[RecordWarning, ...]


def choose(
    scored: Scored,
    settings: Settings,
    layout: Layout,
    tokens_in: int,
    cut_for: Callable[[Ranking], Cut | None],
) -> Choice:
    """Decide how much of one request is kept, and choose the units.

    Args:
        scored: the request, its units counted by the tokenizer of the layout.
        settings: how to choose.
        layout: measures the final text.
        tokens_in: of the whole request, written the same way.
        cut_for: returns how far down a ranking a policy goes, None where there is no policy.
    """
    prepared, units, scores = scored.prepared, scored.units, scored.scores
    plain = prepared.normalized
    context = _of_context(plain, units)
    ranked = candidates(units, scores, settings.top_docs, outside_context(plain.passages))
    cut = cut_for(ranking_of(prepared.query, units, scores, context))
    selection, budget = _selected(scored, settings, layout, ranked, context, cut, tokens_in)
    selection, budget = _worth_it(selection, budget, tokens_in, len(units))
    budget, warnings = _without_broken_guarantee(budget, cut, units, scores, selection)
    return Choice(selection, budget, (*warnings, *_warnings(plain, units, scores, budget, selection)))


def _selected(
    scored: Scored,
    settings: Settings,
    layout: Layout,
    ranked: Sequence[int],
    context: frozenset[int] | None,
    cut: Cut | None,
    tokens_in: int,
) -> tuple[Selection, Budget]:
    """Return what is kept under which budget; in a prompt of segments each type has its own, and the limits are the context's."""
    prepared, units, scores = scored.prepared, scored.units, scored.scores
    plain = prepared.normalized
    duplicates = Duplicates(plain.passages, units, prepared.languages)
    among = ranked if context is None else [i for i in ranked if i in context]
    of_all = tokens_in if context is None else layout.measure(sorted(context))
    budget = budgets.decide(settings.limits(), scores.probability[among], of_all, cut)
    choose_within = partial(
        select,
        units,
        scores=scores,
        passage_cost=layout.passage_costs(),
        gap_cost=layout.gap_cost,
        key=duplicates.key if _drops_duplicates(budget) else None,
    )
    if context is not None:
        types = [plain.passages[unit.passage].segment for unit in units]
        return select_segments(
            types, ranked, budget, layout.measure, shares=settings.segment_budget, choose_within=choose_within
        )
    order = order_of_choice(prepared.query, ranked, duplicates)
    return choose_within(order, budget=budget, measure=layout.measure), budget


def ranking_of(
    query: ParsedQuery, units: Sequence[Unit], scores: Scores, among: Collection[int] | None = None
) -> Ranking:
    """Return the ranking of one request, of all its units or of those given by index."""
    ranked = [i for i in candidates(units, scores) if among is None or i in among]
    sizes = [sum(units[i].end - units[i].start for i in group) for group in groups(units, ranked)]
    return Ranking(
        probability=scores.probability[ranked],
        size=np.array(sizes, dtype=np.int64),
        passage=np.fromiter((units[i].passage for i in ranked), dtype=np.int64, count=len(ranked)),
        relevance=scores.relevance,
        kind=query.kind if query.english else NOT_ENGLISH,
        complexity=query.complexity,
        needs_several_passages=query.needs_several_passages,
    )


def order_of_choice(query: ParsedQuery, ranked: Sequence[int], duplicates: Duplicates) -> list[int]:
    """Return the candidates in the order in which a budget considers them: as ranked, but for multi-hop and comparisons."""
    if not query.needs_several_passages:
        return list(ranked)
    compared = query.entities[:2] if query.kind == "comparison" and len(query.entities) > 1 else ()
    sides = [about for name in compared if (about := duplicates.passages_about(name))]
    return covering(ranked, duplicates.units, sides)


def _drops_duplicates(budget: Budget) -> bool:
    """Tell whether near-duplicates of a kept unit may be dropped.

    Not where every unit from a probability on is wanted: a threshold speaks of each unit, a recall was
    calibrated on each, and `--empty passthrough` is all of the text.
    """
    return budget.no_answer is None and budget.limits.recall is None and budget.limits.threshold is None


def _of_context(request: Request, units: Sequence[Unit]) -> frozenset[int] | None:
    """Return the units of the context where the request is a prompt of segments, else None."""
    types = [passage.segment for passage in request.passages]
    if not any(types):
        return None
    return frozenset(i for i, unit in enumerate(units) if types[unit.passage] == CONTEXT)


def _without_broken_guarantee(
    budget: Budget, cut: Cut | None, units: Sequence[Unit], scores: Scores, selection: Selection
) -> tuple[Budget, tuple[RecordWarning, ...]]:
    """Withdraw the guarantee where other limits kept less than it takes; return what must be reported."""
    if cut is None:
        return budget, ()
    kept = set(selection.kept)
    if budget.guarantee is not None and scores.not_scored:
        reason = f"{budget.reason}; the model did not score all of it, so there is no guarantee"
        text = "no guarantee: it holds for scores of all the text (--deadline-ms, --prefilter)"
        return replace(budget, guarantee=None, reason=reason), (*cut.warnings, RecordWarning("no_guarantee", text))
    if budget.guarantee is None or all(
        i in kept for i in candidates(units, scores) if scores.probability[i] >= cut.threshold
    ):
        return budget, cut.warnings
    reason = f"{budget.reason}; less than that is kept, so there is no guarantee"
    text = "no guarantee: another limit keeps less than the recall takes (--max-tokens, --ratio, --top-docs, ...)"
    return replace(budget, guarantee=None, reason=reason), (*cut.warnings, RecordWarning("no_guarantee", text))


def _worth_it(selection: Selection, budget: Budget, tokens_in: int, n_units: int) -> tuple[Selection, Budget]:
    """Keep all where less would be saved than `--min-saving` wants, and all fits."""
    least = budget.limits.min_saving
    fits = budget.max_tokens is None or tokens_in <= budget.max_tokens
    if least is None or budget.no_answer is not None or not fits or tokens_in - selection.n_tokens >= least * tokens_in:
        return selection, budget
    reason = f"{budget.reason}; saves less than {least:.0%}: left as it was"
    return Selection(tuple(range(n_units)), tokens_in, (None,) * n_units), replace(budget, reason=reason)


def _warnings(
    request: Request, units: Sequence[Unit], scores: Scores, budget: Budget, selection: Selection
) -> list[RecordWarning]:
    """Return what a reader of the result must not miss: that it is empty, or kept without a reason."""
    if not request.passages:
        return [RecordWarning("no_documents", "no documents")]
    if not units:
        return [RecordWarning("no_text", "no text in any document")]
    if budget.no_answer is not None:
        return [RecordWarning("no_answer", f"{budget.no_answer}: {budget.limits.empty} (--empty)")]
    if not selection.kept:
        return [RecordWarning("nothing_fits", "nothing kept: no unit fits into the tokens allowed")]
    if not scores.probability.any():
        text = "no content word of the query occurs in the documents: what is kept was not chosen by score"
        return [RecordWarning("no_match", text)]
    return []
