"""The prefilter: which parts of a request with far too much text the model scores, those that BM25 ranks highest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ctxzip.scoring.bm25 import terms
from ctxzip.scoring.parts import Part, passages

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ctxzip.datamodels import ScoringInput

_PART = 200  # tokens: with its question and title, about what one window holds
_PIECE = 800  # code points, about the same

# The rule of `auto`. It counts code points, so that what counts tokens does not decide what is read; fitted was it in tokens,
# of 4.5 code points, on dev data with `python -m tests.benchmarks.prefilter_study --limit 100 FILE`. Of 100
# questions each (66 of musique), before 100 passages (squad, bioasq, musique, hotpotqa), 75 (qed), 25 (doc2dial) or 10
# (timeqa), it loses at 20% of the words 1 of squad's and no other: 0.14 points in the mean over sets. Where it drops
# anything the model needs 0.34 to 0.45 of the time. With 4,000 tokens, a share of 0.3 and questions of one word
# too, it lost 1 of squad's and 2 of doc2dial's and took 0.33 of the time; and 2 of 60 of musique's, before questions
# that need several places were left alone (ctxzip/scoring/not_scored.py). Ten passages of a paragraph are 1,500 tokens: nothing.
_LEAST = 22_500  # code points
_SHARE = 0.4
_WORTH_IT = 2  # times what is read; below, less than half of the time would be saved
_WORDS = 2  # content words of a question; "yes", as people answer in a dialogue, leads nowhere


def max_characters(query: str, n_characters: int) -> int | None:
    """Return how many code points of a request the model scores under `auto`; None for all.

    Args:
        query: the question.
        n_characters: of all units together.

    >>> [max_characters("Which ferry leaves at seven?", n) for n in (44_999, 45_000, 90_000)]
    [None, 22500, 36000]
    >>> max_characters("Yes, I did.", 90_000) is None
    True
    """
    if len(set(terms(query))) < _WORDS:
        return None
    read = max(_LEAST, math.ceil(_SHARE * n_characters))
    return read if n_characters >= _WORTH_IT * read else None


def scored_parts(item: ScoringInput, share: NDArray[np.float32]) -> list[Part]:
    """Return the parts that `max_tokens` and `max_characters` let a model score, in their order.

    Args:
        item: the request with those limits.
        share: `(n_units,)`, the BM25 score of every unit.
    """
    units, parts = item.units, passages(item)
    for room, sizes, most in (
        (item.max_tokens, [unit.n_tokens for unit in units], _PART),
        (item.max_characters, [unit.end - unit.start for unit in units], _PIECE),
    ):
        if room is not None:
            parts = best_of(cut(parts, sizes, most), sizes, share, room)
    return parts


def cut(parts: Sequence[Part], sizes: Sequence[int], most: int) -> list[Part]:
    """Return the parts in pieces of at most that size, cut between units; a larger unit is a piece by itself.

    Args:
        parts: to be cut.
        sizes: of every unit of the request.
        most: of a piece.
    """
    pieces: list[Part] = []
    for part in parts:
        first, held = part.first, 0
        for i in range(part.first, part.last):
            if i > first and held + sizes[i] > most:
                pieces.append(Part(part.passage, first, i))
                first, held = i, 0
            held += sizes[i]
        pieces.append(Part(part.passage, first, part.last))
    return pieces


def best_first(parts: Sequence[Part], share: NDArray[np.float32]) -> list[Part]:
    """Return the parts by the best of their units, ties as they came.

    Args:
        parts: to be put in order.
        share: `(n_units,)`, the BM25 score of every unit.
    """
    return sorted(parts, key=lambda part: -share[part.first : part.last].max(initial=0))


def best_of(parts: Sequence[Part], sizes: Sequence[int], share: NDArray[np.float32], room: int) -> list[Part]:
    """Return the best parts that fit together, in their order, neighbours as one; where none fits, the best.

    Args:
        parts: to choose from.
        sizes: of every unit of the request.
        share: `(n_units,)`, the BM25 score of every unit.
        room: for those chosen.
    """
    ranked = best_first(parts, share)
    chosen: list[Part] = []
    for part in ranked:
        if (size := size_of(part, sizes)) <= room:
            chosen.append(part)
            room -= size
    joined: list[Part] = []
    for part in sorted(chosen or ranked[:1], key=lambda part: (part.passage, part.first)):
        if joined and (joined[-1].passage, joined[-1].last) == (part.passage, part.first):
            joined[-1] = Part(part.passage, joined[-1].first, part.last)
        else:
            joined.append(part)
    return joined


def size_of(part: Part, sizes: Sequence[int]) -> int:
    """Return the sizes of its units together."""
    return sum(sizes[part.first : part.last])
