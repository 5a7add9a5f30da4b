"""Scores -> how many units the model did not score, by reason, as counts for the record and as warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxzip.datamodels import DEADLINE, PREFILTER, SECOND_PASS, RecordWarning, Scores, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXTS: dict[str, str] = {
    PREFILTER: "prefilter: the model did not score {} of {} units, among them all of {} of {} documents: "
    "BM25 ranks them below all others (--prefilter off)",
    DEADLINE: "deadline: the model did not score {} of {} units, among them all of {} of {} documents: "
    "scored by BM25 (--deadline-ms)",
    SECOND_PASS: "deadline: the second pass did not score {} of {} units, among them all of {} of {} documents "
    "(--deadline-ms)",
}


def not_scored_counts(units: Sequence[Unit], scores: Scores) -> dict[str, dict[str, int]]:
    """Count, for each reason, the units that a model did not score, and the documents of which it scored none.

    Returns:
        `{reason: {"units": n, "docs": n}}`, sorted by reason. A document counts where all its units have the same reason.
    """
    counts: dict[str, dict[str, int]] = {}
    reasons_of_passage: dict[int, set[str | None]] = {}
    for unit, reason in zip(units, scores.not_scored, strict=bool(scores.not_scored)):
        reasons_of_passage.setdefault(unit.passage, set()).add(reason)
        if reason is not None:
            counts.setdefault(reason, {"units": 0, "docs": 0})["units"] += 1
    for reasons in reasons_of_passage.values():
        if len(reasons) == 1 and (reason := next(iter(reasons))) is not None:
            counts[reason]["docs"] += 1
    return dict(sorted(counts.items()))


def not_scored_warnings(units: Sequence[Unit], scores: Scores) -> list[RecordWarning]:
    """Return one warning for each reason why a model did not score units."""
    n_passages = len(scores.relevance)
    return [
        RecordWarning(
            reason,  # type: ignore[arg-type]  # the three reasons are codes of warnings
            _TEXTS[reason].format(f"{counts['units']:,}", f"{len(units):,}", f"{counts['docs']:,}", f"{n_passages:,}"),
        )
        for reason, counts in not_scored_counts(units, scores).items()
    ]
