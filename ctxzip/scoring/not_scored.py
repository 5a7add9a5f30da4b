"""How much of a request a model may score, and how the units that it did not score are counted and reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxzip.datamodels import (
    DEADLINE,
    PREFILTER,
    SECOND_PASS,
    PreparedRequest,
    RecordWarning,
    Scores,
    ScoringInput,
    Unit,
)
from ctxzip.scoring.prefilter import max_characters
from ctxzip.settings import OFF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.settings import Settings

_TEXTS: dict[str, str] = {
    PREFILTER: "prefilter: the model did not score {} of {} units, among them all of {} of {} documents: "
    "BM25 ranks them below all others (--prefilter off)",
    DEADLINE: "deadline: the model did not score {} of {} units, among them all of {} of {} documents: "
    "scored by BM25 (--deadline-ms)",
    SECOND_PASS: "deadline: the second pass did not score {} of {} units, among them all of {} of {} documents "
    "(--deadline-ms)",
}


def scoring_input(prepared: PreparedRequest, settings: Settings, deadline: float | None = None) -> ScoringInput:
    """Return what a scorer gets of a request: its units, and how much of them a model may score.

    An automatic prefilter lets the model score all under a policy, which was fitted on all of the text; for queries that
    are not English, whose words may differ from those of the documents; and for those that need several places, of which the
    second need not share a word with the query. Queries that only may need several places are filtered: their second pass
    scores what the evidence found leads to.

    Args:
        prepared: the request.
        settings: the prefilter, and whether there is a policy.
        deadline: by the clock of the scorer, in seconds; None for none.
    """
    request, units, prefilter = prepared.normalized, prepared.units, settings.prefilter
    limits: dict[str, Any] = {}
    if isinstance(prefilter, int):
        if prepared.passage_tokens > prefilter:
            limits["max_tokens"] = prefilter
    elif not (
        prefilter == OFF or settings.under_policy or prepared.query.needs_several_passages or not prepared.query.english
    ):
        n_characters = sum(unit.end - unit.start for unit in units)
        limits["max_characters"] = max_characters(request.query, n_characters)
    return ScoringInput(request, units, deadline=deadline, **limits)


def not_scored_counts(units: Sequence[Unit], scores: Scores) -> dict[str, dict[str, int]]:
    """Return, for each reason why a model did not score units, their number and that of the documents without any scored."""
    found: dict[str, dict[str, int]] = {}
    of_passage: dict[int, set[str | None]] = {}
    for unit, reason in zip(units, scores.not_scored, strict=bool(scores.not_scored)):
        of_passage.setdefault(unit.passage, set()).add(reason)
        if reason is not None:
            found.setdefault(reason, {"units": 0, "docs": 0})["units"] += 1
    for reasons in of_passage.values():
        if len(reasons) == 1 and (reason := next(iter(reasons))) is not None:
            found[reason]["docs"] += 1
    return dict(sorted(found.items()))


def not_scored_warnings(units: Sequence[Unit], scores: Scores) -> list[RecordWarning]:
    """Return a warning for each reason why a model did not score units."""
    n_passages = len(scores.relevance)
    return [
        RecordWarning(
            reason,  # type: ignore[arg-type]  # the three reasons are codes of warnings
            _TEXTS[reason].format(f"{counts['units']:,}", f"{len(units):,}", f"{counts['docs']:,}", f"{n_passages:,}"),
        )
        for reason, counts in not_scored_counts(units, scores).items()
    ]
