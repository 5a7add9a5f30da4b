"""What a model does not read of a request: how much it may read, and what is said about the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ctxzip.datamodels import DEADLINE, PREFILTER, SECOND_LOOK, Request, Scores, Unit
from ctxzip.query.parse import read_query
from ctxzip.rendering.record import unread_counts
from ctxzip.scoring import prefilter as prefilters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.settings import Settings

_UNREAD = {
    PREFILTER: "prefilter: the model did not read {} of {} units, among them all of {} of {} documents: "
    "bm25 ranks them, below all others (--prefilter off)",
    DEADLINE: "out of time: the model did not read {} of {} units, among them all of {} of {} documents: "
    "scored by bm25 (--deadline-ms)",
    SECOND_LOOK: "out of time: the second look did not read {} of {} units, among them all of {} of {} documents "
    "(--deadline-ms)",
}


def limited(settings: Settings, request: Request, units: Sequence[Unit], n_tokens: int) -> Request:
    """Return a request with how much of it a model may read.

    An automatic prefilter reads all under a policy, which was fitted on that; of questions that are not
    English, whose words may be other ones than those of the documents; and of those that need
    several places: the second need not have a word of the question. Those that only may
    (`Query.maybe_several`) are filtered: their second look reads what the sentences found lead to.

    Args:
        settings: the prefilter, and whether there is a policy.
        request: with every character one that a tokenizer takes.
        units: of its passages.
        n_tokens: of all passages together.
    """
    prefilter = settings.prefilter
    if isinstance(prefilter, int):
        return replace(request, read_tokens=prefilter) if n_tokens > prefilter else request
    question = read_query(request.query)
    if prefilter == prefilters.OFF or settings.under_policy or question.several_places or not question.english:
        return request
    n_characters = sum(unit.end - unit.start for unit in units)
    return replace(request, read_characters=prefilters.characters_read(request.query, n_characters))


def remarks(units: Sequence[Unit], scores: Scores) -> list[str]:
    """Say, in words, what a model did not read of a request."""
    n_passages = len(scores.relevance)
    return [
        _UNREAD[why].format(f"{counts['units']:,}", f"{len(units):,}", f"{counts['docs']:,}", f"{n_passages:,}")
        for why, counts in unread_counts(units, scores).items()
    ]
