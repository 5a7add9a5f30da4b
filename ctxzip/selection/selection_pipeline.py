"""One scored request -> candidates, budget, kept units and warnings: the steps of selection, in order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import NOT_ENGLISH, Budget, Limits, Ranking, RecordWarning, Selection
from ctxzip.selection.adaptive.word_coverage import word_coverage
from ctxzip.selection.budget_from_limits import decide
from ctxzip.selection.candidates import candidates, groups
from ctxzip.selection.companions import Companions
from ctxzip.selection.coverage_order import coverage_order
from ctxzip.selection.dedup import DuplicateKeys
from ctxzip.selection.segments import CONTEXT, outside_context, select_segments
from ctxzip.selection.select_within_budget import NO_ROOM, select
from ctxzip.settings import BM25

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxzip.datamodels import PreparedRequest, Request, Scored, Scores, Unit
    from ctxzip.selection.adaptive.policy import PolicyDecision
    from ctxzip.selection.adaptive.policy_lookup import PolicyLookup
    from ctxzip.selection.token_cost import TokenCost
    from ctxzip.settings import Settings

# Tokens of a record that an automatic budget leaves whole: a sentence of the dev sets has 25 on average. None of the 31 sets of
# several documents has a record that short, and 2% of two sets of one paragraph do.
_VERY_SHORT = 20
_PROBABLY_ANSWERED = 0.5  # probability, 0..1, of an answer: below it the documents more probably contain none


@dataclass(frozen=True, slots=True)
class Choice:
    """The units kept of one request, the budget, and the warnings."""

    selection: Selection
    budget: Budget
    warnings: tuple[RecordWarning, ...]


def choose(
    scored: Scored,
    settings: Settings,
    cost: TokenCost,
    tokens_in: int,
    policies: PolicyLookup,
    *,
    is_cut: bool = False,
) -> Choice:
    """Return the units kept of one request, its budget and warnings.

    Args:
        scored: the request, its tokens counted by the tokenizer of `cost`.
        settings: the limits, and how to choose.
        cost: of the units in the final text.
        tokens_in: tokens of the whole request, rendered as the final text will be.
        policies: decide how far down the ranking to go, and tell whether the query is answered.
        is_cut: whether units were cut because they are larger than the ceiling in tokens.
    """
    prepared, units, scores = scored.prepared, scored.units, scored.scores
    request = prepared.normalized
    context = _context_units(request, units)
    ranked = candidates(units, scores, settings.top_docs, outside_context(request.passages))
    ranking = ranking_of(prepared, scores, context, counts_words=scored.scorer != BM25)
    decision, answerability = policies.decide(scored, ranking), policies.answerability(scored, ranking)
    # In a prompt of segments the limits are for the context.
    limited = ranked if context is None else [i for i in ranked if i in context]
    limited_tokens = tokens_in if context is None else cost.count(sorted(context))
    is_calibrated = scored.scorer != BM25 and prepared.query.english and not scores.not_scored
    budget = decide(
        settings.limits(),
        scores.probability[limited],
        limited_tokens,
        decision,
        answerability,
        is_calibrated=is_calibrated,
    )
    budget = _with_neighbours(budget, *settings.reach())
    selection, budget = _selected(scored, settings, cost, ranked, budget)
    selection, budget = _whole_if_too_little_saved(selection, budget, tokens_in, len(units))
    if settings.top_docs is None and scores.probability.any():
        selection, budget = _whole_if_very_short(selection, budget, tokens_in, len(units))
    budget, over_ratio = _with_excess(budget, selection) if context is None else (budget, ())
    budget, warnings = _without_broken_guarantee(budget, decision, units, scores, selection, is_cut=is_cut)
    warnings = (*warnings, *over_ratio)
    return Choice(selection, budget, (*warnings, *_warnings(request, units, scores, budget, selection)))


def _selected(
    scored: Scored, settings: Settings, cost: TokenCost, ranked: Sequence[int], budget: Budget
) -> tuple[Selection, Budget]:
    """Return the units kept within a budget, and the budget; for a prompt of segments with the reasons of all types."""
    prepared, units = scored.prepared, scored.units
    passages = prepared.normalized.passages
    keys = DuplicateKeys(passages, units, prepared.languages)
    companions = Companions(units, [passage.text for passage in passages])
    ranked = companions.ordered(
        coverage_order(prepared.query, ranked, units, passages),
        asks_for_steps=prepared.query.asks_for_steps,
        counts_units=budget.max_sentences is not None,
    )
    select_within = partial(
        select,
        probability=scored.scores.probability,
        key=keys.key if _drops_duplicates(budget) else None,
        companions=companions,
    )
    kinds = [passages[unit.passage].segment for unit in units]
    if any(passage.segment for passage in passages):
        return select_segments(kinds, ranked, budget, cost, shares=settings.segment_budget, select_within=select_within)
    return select_within(ranked, budget, cost), budget


def _with_neighbours(budget: Budget, before: int, after: int) -> Budget:
    """Return the budget with this number of neighbours before and after each kept unit, and with a longer reason."""
    if not before and not after:
        return budget
    reason = f"{budget.reason}; plus neighbours that fit: {before} before and {after} after each"
    return replace(budget, before=before, after=after, reason=reason)


def ranking_of(
    prepared: PreparedRequest, scores: Scores, among: Collection[int] | None = None, *, counts_words: bool = True
) -> Ranking:
    """Return the ranking of one request, of all its candidates or of those with the given indices.

    Args:
        prepared: the request.
        scores: of its units.
        among: indices of the units to rank; None for all.
        counts_words: whether a fitted policy may need the shares of the query's words; there is none for BM25.
    """
    query, units, passages = prepared.query, prepared.units, prepared.normalized.passages
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
        word_coverage=word_coverage(
            prepared.normalized.query,
            [passages[i].title + " " + passages[i].text for i in {units[j].passage for j in ranked}],
        )
        if query.english and counts_words
        else (1.0, 1.0),
    )


def _drops_duplicates(budget: Budget) -> bool:
    """Return whether near-duplicates of a kept unit may be dropped.

    A threshold applies to every unit, a recall was calibrated on every unit, and `--empty passthrough` keeps all text, so
    with these near-duplicates are kept.
    """
    return budget.no_answer is None and budget.limits.recall is None and budget.limits.threshold is None


def _context_units(request: Request, units: Sequence[Unit]) -> frozenset[int] | None:
    """Return the indices of the units of the context in a prompt of segments; None for other requests."""
    types = [passage.segment for passage in request.passages]
    if not any(types):
        return None
    return frozenset(i for i, unit in enumerate(units) if types[unit.passage] == CONTEXT)


def _without_broken_guarantee(
    budget: Budget,
    decision: PolicyDecision | None,
    units: Sequence[Unit],
    scores: Scores,
    selection: Selection,
    *,
    is_cut: bool,
) -> tuple[Budget, tuple[RecordWarning, ...]]:
    """Return the budget, without the guarantee if it does not hold, and the warnings about the guarantee.

    It does not hold if the model did not score all units, or if a unit at or above the policy's threshold, or a piece of a
    unit that was split, is dropped.
    """
    if decision is None:
        return budget, ()
    if budget.guarantee is None:
        return budget, decision.warnings
    kept = set(selection.kept)
    if scores.not_scored:
        why = "the model did not score all units"
        text = "no guarantee: it requires that the model scores all units (--deadline-ms, --prefilter)"
    elif any(i not in kept for i in candidates(units, scores) if is_cut or scores.probability[i] >= decision.threshold):
        why = "another limit keeps less"
        text = (
            "no guarantee: another limit keeps less than the recall requires (--max-tokens, --ratio, --top-docs, ...)"
        )
    else:
        return budget, decision.warnings
    reason = f"{budget.reason}; {why}, so there is no guarantee"
    return replace(budget, guarantee=None, reason=reason), (*decision.warnings, RecordWarning("no_guarantee", text))


def _whole_if_too_little_saved(
    selection: Selection, budget: Budget, tokens_in: int, n_units: int
) -> tuple[Selection, Budget]:
    """Return a selection of all units if dropping saves less than `--min-saving` and all fit under the token ceiling."""
    least = budget.limits.min_saving
    fits = budget.max_tokens is None or tokens_in <= budget.max_tokens
    if least is None or budget.no_answer is not None or not fits or tokens_in - selection.n_tokens >= least * tokens_in:
        return selection, budget
    reason = f"{budget.reason}; saves less than {least:.0%}: left unchanged"
    return Selection(tuple(range(n_units)), tokens_in, (None,) * n_units), replace(budget, reason=reason)


def _whole_if_very_short(
    selection: Selection, budget: Budget, tokens_in: int, n_units: int
) -> tuple[Selection, Budget]:
    """Keep all units under the automatic budget alone, where they have fewer tokens than one usual sentence."""
    others = replace(budget.limits, min_saving=None, min_answerable=None, empty="nothing")
    if (
        others != Limits(adaptive=True)
        or budget.no_answer is not None
        or tokens_in > _VERY_SHORT
        or len(selection.kept) == n_units
    ):
        return selection, budget
    reason = f"{budget.reason}; left as it was: at most {_VERY_SHORT} tokens"
    return Selection(tuple(range(n_units)), tokens_in, (None,) * n_units), replace(budget, reason=reason)


def _with_excess(budget: Budget, selection: Selection) -> tuple[Budget, tuple[RecordWarning, ...]]:
    """Return the budget and no warning; if more tokens are kept than a ratio allows, a longer reason and a warning."""
    soft, n_tokens = budget.soft_tokens, selection.n_tokens
    if soft is None or n_tokens <= soft or len(selection.kept) == 0:
        return budget, ()
    text = f"{n_tokens} tokens kept, more than --ratio allows ({soft}): the best unit is that large"
    reason = f"{budget.reason}; {n_tokens} with the best unit"
    return replace(budget, reason=reason), (RecordWarning("over_ratio", text),)


def _warnings(
    request: Request, units: Sequence[Unit], scores: Scores, budget: Budget, selection: Selection
) -> list[RecordWarning]:
    """Return a warning if the result is empty, if the units were not chosen by score, or if the best unit is dropped."""
    if not request.passages:
        return [RecordWarning("no_documents", "no documents")]
    if not units:
        return [RecordWarning("no_text", "no text in any document")]
    warnings = _answer_warning(budget)
    if not selection.kept and (budget.no_answer is None or budget.limits.empty != "nothing"):
        return [*warnings, RecordWarning("nothing_fits", "nothing kept: no unit fits under the token limit")]
    if budget.no_answer is not None:
        return warnings
    warnings += _best_unit_warning(units, scores, budget, selection)
    if not scores.probability.any():
        text = "no content word of the query occurs in the documents: the kept units were not chosen by score"
        warnings.append(RecordWarning("no_match", text))
    return warnings


def _answer_warning(budget: Budget) -> list[RecordWarning]:
    """Return a warning if the documents probably do not answer the query, or if that is asked for and not known."""
    if budget.no_answer is not None:
        return [RecordWarning("no_answer", f"{budget.no_answer}: {budget.limits.empty} (--empty)")]
    if budget.answerable is None:
        if budget.limits.min_answerable is None:
            return []
        text = "it is not known whether the documents answer the query: no effect (--min-answerable)"
        return [RecordWarning("answerable_unknown", text)]
    if budget.answerable >= _PROBABLY_ANSWERED:
        return []
    text = f"the documents may not answer the query: the probability that they do is {budget.answerable:.2g}"
    return [RecordWarning("low_relevance", text)]


def _best_unit_warning(
    units: Sequence[Unit], scores: Scores, budget: Budget, selection: Selection
) -> list[RecordWarning]:
    """Return a warning if the unit with the best score is larger than the token ceiling."""
    no_room = [i for i, reason in enumerate(selection.dropped_because) if reason == NO_ROOM]
    best = max(no_room, key=scores.probability.__getitem__, default=None)
    if best is None or scores.probability[best] <= scores.probability[list(selection.kept)].max():
        return []
    size = units[best].n_tokens
    text = (
        f"the best unit ({size} tokens) is dropped: larger than the limit of {budget.max_tokens} tokens (--max-tokens)"
    )
    return [RecordWarning("best_unit_left_out", text)]
