"""Units that are larger than a whole budget -> smaller ones, each with a probability of its own."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import logit, sigmoid
from ctxzip.scoring.bm25 import attained_share
from ctxzip.scoring.hybrid import DEFAULT_WEIGHTS, log_ranks
from ctxzip.scoring.preparation import counted
from ctxzip.scoring.terms import terms
from ctxzip.splitting.language import detect_language
from ctxzip.splitting.oversized import split_oversized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxzip.datamodels import Scored, Unit
    from ctxzip.tokens import Tokenizer


def without_oversized(scored: Scored, max_tokens: int, tokenizer: Tokenizer) -> Scored:
    """Return the scored request with the lines or clauses of each unit that has more tokens than a ceiling.

    A piece that is still too large is cut once more, lines into clauses. The best piece of a unit has the probability of the
    unit; the log-odds of the others are lower by a multiple of the logarithm of their BM25 rank, as in the hybrid score. No
    model is needed, so that `ctxzip select` cuts as `ctxzip compress` does. Sentences that the record gives stay whole.

    Args:
        scored: its tokens counted by the tokenizer.
        max_tokens: ceiling on all that is kept.
        tokenizer: counts the tokens of the pieces.
    """
    prepared, scores = scored.prepared, scored.scores
    units, passages = prepared.units, prepared.normalized.passages
    origins = np.arange(len(units))  # for each piece the unit that it was cut from
    for _ in range(2):
        pieces = [
            split_oversized(passages[unit.passage].text, unit.start, unit.end)
            if unit.n_tokens > max_tokens and passages[unit.passage].sentences is None
            else [(unit.start, unit.end)]
            for unit in units
        ]
        if all(len(piece) == 1 for piece in pieces):
            break
        first_piece = [0, *accumulate(map(len, pieces))]
        origins = np.repeat(origins, list(map(len, pieces)))
        units = tuple(
            replace(unit, start=start, end=end, parent=None if unit.parent is None else first_piece[unit.parent])
            for unit, piece in zip(units, pieces, strict=True)
            for start, end in piece
        )
        units, _ = counted(prepared.normalized, units, tokenizer)
    if len(units) == len(prepared.units):
        return scored
    return replace(
        scored,
        prepared=replace(prepared, units=units),
        scores=replace(
            scores,
            probability=_of_pieces(scored, units, origins),
            not_scored=tuple(scores.not_scored[i] for i in origins) if scores.not_scored else (),
        ),
    )


def _of_pieces(scored: Scored, pieces: Sequence[Unit], origins: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the probability of each piece, `(n_pieces,)`."""
    request = scored.prepared.normalized
    language = detect_language(request.query)
    query = list(dict.fromkeys(terms(request.query, language)))
    log_odds = logit(scored.scores.probability[origins])
    borders = [0, *(np.flatnonzero(np.diff(origins)) + 1).tolist(), len(origins)]
    for first, end in pairwise(borders):
        if end - first > 1:
            texts = [request.passages[one.passage].text[one.start : one.end] for one in pieces[first:end]]
            shares = attained_share([terms(text, language) for text in texts], query)
            log_odds[first:end] -= DEFAULT_WEIGHTS["bm25_rank"] * log_ranks(shares)
    probability = sigmoid(log_odds).astype(np.float32)
    unchanged = (np.bincount(origins)[origins] == 1) | (scored.scores.probability[origins] == 0)
    probability[unchanged] = scored.scores.probability[origins[unchanged]]
    return probability
