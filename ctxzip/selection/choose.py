"""One scored request -> what is kept of it, and why."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import FOREIGN, Budget, Profile, Result, Selection
from ctxzip.query.parse import read_query
from ctxzip.rendering.draft import Draft
from ctxzip.scoring.preparation import recounted
from ctxzip.selection import budget as budgets
from ctxzip.selection.dedup import Wording
from ctxzip.selection.greedy import candidates, covering, groups, select
from ctxzip.selection.segments import CONTEXT, no_context, select_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ctxzip.datamodels import Cut, Limits, Request, Scored, Scores, Unit
    from ctxzip.settings import Settings
    from ctxzip.tokens import Tokenizer


def choose(
    scored: Scored,
    settings: Settings,
    limits: Limits,
    tokenizer: Tokenizer,
    cut_for: Callable[[Profile], Cut | None],
) -> Result:
    """Decide how much is kept of one request, choose it, and render it.

    Args:
        scored: the request, its units counted by any tokenizer.
        settings: how to choose and render.
        limits: of the settings.
        tokenizer: counts.
        cut_for: says how far down a policy goes, None where there is none.
    """
    scored = recounted(scored, tokenizer)
    request, plain, units, scores = scored.request, scored.plain, scored.units, scored.scores
    order = _order(scores, settings.order)
    draft = Draft(settings, tokenizer, plain.passages, units, order)
    # What stands in records is the passages as they came, and their tokens are known.
    tokens_in = scored.passage_tokens if settings.in_records else draft.measure(range(len(units)))
    context = _of_context(request, units)
    ranked = candidates(units, scores, settings.top_docs, no_context(plain.passages))
    profile = profile_of(plain.query, units, scores, context)
    cut = cut_for(profile)
    selection, budget = _selected(scored, draft, ranked, context, limits, cut, tokens_in)
    selection, budget = _worth_it(selection, budget, tokens_in, len(units))
    budget, remarks = _honest(budget, cut, units, scores, selection)
    texts = draft.texts(request.passages, selection.kept)
    return Result(
        request=request,
        query_kind=read_query(plain.query).kind,
        units=units,
        languages=scored.languages,
        scores=scores,
        budget=budget,
        selection=selection,
        texts=texts,
        order=tuple(i for i in order if texts[i] or not settings.drop_empty),
        scorer=scored.scorer,
        device=scored.device,
        tokenizer=tokenizer.name,
        splitter=scored.splitter,
        tokens_in=tokens_in,
        tokens_out=selection.n_tokens,
        context=None if settings.in_records else draft.written(selection.kept),
        explained=settings.explain,
        warnings=(
            *scored.warnings,
            *(["lone surrogates are written as U+FFFD"] if plain is not request and not settings.in_records else []),
            *remarks,
            *_remarks(plain, units, scores, budget, selection),
        ),
    )


def _selected(
    scored: Scored,
    draft: Draft,
    ranked: Sequence[int],
    context: frozenset[int] | None,
    limits: Limits,
    cut: Cut | None,
    tokens_in: int,
) -> tuple[Selection, Budget]:
    """Return what is kept under which budget: of a prompt in segments each type has its own, and `limits` are the context's."""
    plain, units, scores, settings = scored.plain, scored.units, scored.scores, draft.settings
    wording = Wording(plain.passages, units, scored.languages)
    among = ranked if context is None else [i for i in ranked if i in context]
    of_all = tokens_in if context is None else draft.measure(sorted(context))
    budget = budgets.decide(limits, scores.probability[among], of_all, cut)
    choose_within = partial(
        select,
        units,
        scores=scores,
        passage_cost=draft.passage_costs(),
        gap_cost=draft.gap_cost,
        key=wording.key if _once(budget) else None,
        leans=wording.leans if settings.neighbours else None,
    )
    if context is not None:
        kinds = [plain.passages[unit.passage].segment for unit in units]
        return select_segments(
            kinds, ranked, budget, draft.measure, shares=settings.segment_budget, choose_within=choose_within
        )
    return choose_within(order_of_choice(plain.query, ranked, wording), budget=budget, measure=draft.measure), budget


def profile_of(query: str, units: Sequence[Unit], scores: Scores, among: Collection[int] | None = None) -> Profile:
    """Return what the ranking of one question looks like, of all its units or of those given by index."""
    read = read_query(query)
    ranked = [i for i in candidates(units, scores) if among is None or i in among]
    sizes = [sum(units[i].end - units[i].start for i in group) for group in groups(units, ranked)]
    return Profile(
        probability=scores.probability[ranked],
        size=np.array(sizes, dtype=np.int64),
        passage=np.fromiter((units[i].passage for i in ranked), dtype=np.int64, count=len(ranked)),
        relevance=scores.relevance,
        kind=read.kind if read.english else FOREIGN,
        complexity=read.complexity,
        several_places=read.several_places,
    )


def order_of_choice(query: str, ranked: Sequence[int], wording: Wording) -> list[int]:
    """Return the candidates in the order in which a budget takes them: as ranked, but for questions that need several places."""
    read = read_query(query)
    if not read.several_places:
        return list(ranked)
    compared = read.entities[:2] if read.kind == "comparison" and len(read.entities) > 1 else ()
    return covering(ranked, wording.units, [about for name in compared if (about := wording.about(name))])


def _once(budget: Budget) -> bool:
    """Tell whether what repeats a unit kept may be left out.

    Not where every unit from a probability on was asked for: a threshold is meant of each, a promised
    recall was calibrated on each, and `--empty passthrough` is all of it. Elsewhere nothing is lost by it: on five labelled
    sets (hotpotqa, 2wiki, bioasq, squad_rag10, doc2dial, 100 questions each) no question loses evidence under any of 12
    budgets. Where pages come as overlapping chunks (bioasq, doc2dial, squad_rag10, timeqa, 60 questions each, windows
    of six sentences that begin every three, bm25) 90% recall takes 20.0% of the words in place of 27.6%.
    """
    return budget.irrelevant is None and budget.limits.recall is None and budget.limits.threshold is None


def _of_context(request: Request, units: Sequence[Unit]) -> frozenset[int] | None:
    """Return the units of the context where the request is a prompt in segments, else None."""
    kinds = [passage.segment for passage in request.passages]
    if not any(kinds):
        return None
    return frozenset(i for i, unit in enumerate(units) if kinds[unit.passage] == CONTEXT)


def _order(scores: Scores, order: str) -> tuple[int, ...]:
    indices = range(len(scores.relevance))
    return tuple(sorted(indices, key=lambda i: (-scores.relevance[i], i)) if order == "relevance" else indices)


def _honest(
    budget: Budget, cut: Cut | None, units: Sequence[Unit], scores: Scores, selection: Selection
) -> tuple[Budget, tuple[str, ...]]:
    """Take the guarantee back where other limits kept less than it takes; return what must be said."""
    if cut is None:
        return budget, ()
    kept = set(selection.kept)
    if budget.guarantee is not None and scores.unread:
        why = f"{budget.why}; the model did not read all of it, so there is no guarantee"
        return replace(budget, guarantee=None, why=why), (
            *cut.warnings,
            "no guarantee: it holds for scores of all the text (--deadline-ms, --prefilter)",
        )
    if budget.guarantee is None or all(
        i in kept for i in candidates(units, scores) if scores.probability[i] >= cut.threshold
    ):
        return budget, cut.warnings
    why = f"{budget.why}; less than that is kept, so there is no guarantee"
    remark = "no guarantee: another limit keeps less than the recall takes (--max-tokens, --ratio, --top-docs, ...)"
    return replace(budget, guarantee=None, why=why), (*cut.warnings, remark)


def _worth_it(selection: Selection, budget: Budget, tokens_in: int, n_units: int) -> tuple[Selection, Budget]:
    """Keep all where less would be saved than `--min-saving` asks for, and all fits."""
    least = budget.limits.min_saving
    fits = budget.max_tokens is None or tokens_in <= budget.max_tokens
    if (
        least is None
        or budget.irrelevant is not None
        or not fits
        or tokens_in - selection.n_tokens >= least * tokens_in
    ):
        return selection, budget
    why = f"{budget.why}; saves less than {least:.0%}: left as it was"
    return Selection(tuple(range(n_units)), tokens_in, (None,) * n_units), replace(budget, why=why)


def _remarks(
    request: Request, units: Sequence[Unit], scores: Scores, budget: Budget, selection: Selection
) -> list[str]:
    """Say what a reader of the result must not miss: that it is empty, or kept without a reason."""
    if not request.passages:
        return ["no documents"]
    if not units:
        return ["no text in any document"]
    if budget.irrelevant is not None:
        return [f"{budget.irrelevant}: {budget.limits.empty} (--empty)"]
    if not selection.kept:
        return ["nothing kept: no unit fits into the tokens allowed"]
    if not scores.probability.any():
        return ["no content word of the question occurs in the documents: what is kept was not chosen by score"]
    return []
