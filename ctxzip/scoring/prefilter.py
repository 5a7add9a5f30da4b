"""The prefilter: how much of a very long request the model scores, and which parts: those that BM25 ranks highest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ctxzip._internal.time_limit import NO_TIME_LIMIT, TimeLimit
from ctxzip.datamodels import ScoringInput
from ctxzip.scoring.passage_parts import PassagePart, best_parts, split_parts, whole_passages
from ctxzip.scoring.terms import terms
from ctxzip.settings import OFF

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ctxzip.datamodels import PreparedRequest
    from ctxzip.settings import Settings

# A part is about what one window holds beside query and title.
_MAX_PART_TOKENS = 200
_MAX_PART_CHARACTERS = 800  # code points

# The automatic prefilter counts code points, so that it does not depend on the tokenizer that counts. Measured on the dev sets
# with tests/benchmarks/prefilter_study.py; models/README.md has the numbers.
_MIN_SCORED = 22_500  # code points that the model scores at least
_SHARE = 0.4  # of the code points of a request that the model scores
_MIN_REDUCTION = 2  # the request is at least this many times as long as what the model scores, or all of it is scored
_MIN_TERMS = 2  # of a query; fewer terms ("yes" in a dialogue) are not enough to rank parts by relevance


def scoring_input(
    prepared: PreparedRequest,
    settings: Settings,
    deadline: float | None = None,
    time_limit: TimeLimit = NO_TIME_LIMIT,
) -> ScoringInput:
    """Return the input of a scorer for a request: its units, and how much of them a model may score.

    The automatic prefilter limits nothing in three cases: under a policy, which was fitted on scores of all text; for a query
    that is not English, as its documents may be in another language and share no words with it; and for a query that needs
    several passages, as the second one need not share a word with it. A query that only may need several passages is
    prefiltered: its second pass scores the parts that the evidence leads to.

    Args:
        prepared: the request.
        settings: the prefilter, and whether there is a policy.
        deadline: by the clock of the scorer, in seconds; None for none.
        time_limit: of all work on the request.
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
    return ScoringInput(request, units, deadline=deadline, time_limit=time_limit, **limits)


def max_characters(query: str, n_characters: int) -> int | None:
    """Return how many code points of a request the automatic prefilter lets the model score; None for all.

    Args:
        query: of the request.
        n_characters: code points of all units together.

    >>> [max_characters("Which ferry leaves at seven?", n) for n in (44_999, 45_000, 90_000)]
    [None, 22500, 36000]
    >>> max_characters("Yes, I did.", 90_000) is None
    True
    """
    if len(set(terms(query))) < _MIN_TERMS:
        return None
    n_scored = max(_MIN_SCORED, math.ceil(_SHARE * n_characters))
    return n_scored if n_characters >= _MIN_REDUCTION * n_scored else None


def prefiltered_parts(item: ScoringInput, bm25: NDArray[np.float32]) -> list[PassagePart]:
    """Return the parts that a model may score under `max_tokens` and `max_characters`, in document order.

    Args:
        item: the request with those limits; without them all passages are returned.
        bm25: `(n_units,)`, the BM25 score of every unit.
    """
    units, parts = item.units, whole_passages(item)
    for limit, sizes, max_part in (
        (item.max_tokens, [unit.n_tokens for unit in units], _MAX_PART_TOKENS),
        (item.max_characters, [unit.end - unit.start for unit in units], _MAX_PART_CHARACTERS),
    ):
        if limit is not None:
            parts = best_parts(split_parts(parts, sizes, max_part), sizes, bm25, limit)
    return parts
