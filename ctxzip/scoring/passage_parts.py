"""Parts of the passages of a request: made, split, ranked by BM25, and given to a model as an input of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import Passage, ScoringInput, Unit
from ctxzip.scoring.unit_contexts import with_contexts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ctxzip.datamodels import Context


@dataclass(frozen=True, slots=True)
class PassagePart:
    """Consecutive units of one passage.

    Attributes:
        passage: index of the passage.
        first, last: half-open range of the indices of its units, among those of the request.
    """

    passage: int
    first: int
    last: int


def whole_passages(item: ScoringInput) -> list[PassagePart]:
    """Return one part for each passage, with all its units; those without units, too."""
    n_passages = len(item.request.passages)
    passage_of = np.fromiter((unit.passage for unit in item.units), dtype=np.intp, count=len(item.units))
    borders = np.searchsorted(passage_of, np.arange(n_passages + 1)).tolist()
    return [PassagePart(index, borders[index], borders[index + 1]) for index in range(n_passages)]


def input_of_parts(item: ScoringInput, parts: Iterable[PassagePart]) -> ScoringInput:
    """Return an input with each part as a passage, without limits.

    A part with all units of its passage has the whole text of the passage, so that its scores are the same as in the whole
    request; the text of any other part is what its units span. Units have no parents, as these may be in other parts; their
    contexts are those of the whole request.
    """
    request, units = item.request, item.units
    contexts = with_contexts(item).contexts or ()
    of_parts: list[Context] = []
    passages: list[Passage] = []
    shifted: list[Unit] = []
    for index, part in enumerate(parts):
        passage, own = request.passages[part.passage], units[part.first : part.last]
        start = 0
        if _is_shorter(units, part):
            start = own[0].start
            passage = replace(passage, text=passage.text[start : own[-1].end])
        passages.append(passage)
        shifted += [Unit(index, unit.start - start, unit.end - start, unit.n_tokens, unit.kind) for unit in own]
        of_parts += contexts[part.first : part.last]
    return ScoringInput(
        replace(request, passages=tuple(passages)),
        tuple(shifted),
        item.evidence,
        of_parts,
        time_limit=item.time_limit,
    )


def _is_shorter(units: Sequence[Unit], part: PassagePart) -> bool:
    """Return whether a part lacks units of its passage; a part without units does not."""
    neighbours = [units[i].passage for i in (part.first - 1, part.last) if 0 <= i < len(units)]
    return part.first < part.last and part.passage in neighbours


def split_parts(parts: Sequence[PassagePart], sizes: Sequence[int], max_size: int) -> list[PassagePart]:
    """Split parts between units, so that no part is larger than `max_size`; a larger unit is a part by itself.

    Args:
        parts: to be split.
        sizes: of every unit of the request.
        max_size: of a part.
    """
    pieces: list[PassagePart] = []
    for part in parts:
        first, size = part.first, 0
        for i in range(part.first, part.last):
            if i > first and size + sizes[i] > max_size:
                pieces.append(PassagePart(part.passage, first, i))
                first, size = i, 0
            size += sizes[i]
        pieces.append(PassagePart(part.passage, first, part.last))
    return pieces


def ranked_parts(parts: Sequence[PassagePart], bm25: NDArray[np.float32]) -> list[PassagePart]:
    """Return the parts by the BM25 score of their best unit, the best first; ties keep their order.

    Args:
        parts: to be ranked.
        bm25: `(n_units,)`, the BM25 score of every unit of the request.
    """
    return sorted(parts, key=lambda part: -bm25[part.first : part.last].max(initial=0))


def best_parts(
    parts: Sequence[PassagePart], sizes: Sequence[int], bm25: NDArray[np.float32], max_size: int
) -> list[PassagePart]:
    """Return the best parts that fit together, in document order, adjacent ones joined.

    A part that does not fit is skipped for worse ones that do; where none fits, the best part is returned.

    Args:
        parts: to choose from.
        sizes: of every unit of the request.
        bm25: `(n_units,)`, the BM25 score of every unit of the request.
        max_size: of the returned parts together.
    """
    ranked = ranked_parts(parts, bm25)
    chosen: list[PassagePart] = []
    for part in ranked:
        if (size := part_size(part, sizes)) <= max_size:
            chosen.append(part)
            max_size -= size
    joined: list[PassagePart] = []
    for part in sorted(chosen or ranked[:1], key=lambda part: (part.passage, part.first)):
        if joined and (joined[-1].passage, joined[-1].last) == (part.passage, part.first):
            joined[-1] = PassagePart(part.passage, joined[-1].first, part.last)
        else:
            joined.append(part)
    return joined


def part_size(part: PassagePart, sizes: Sequence[int]) -> int:
    """Return the size of a part: the sum over its units."""
    return sum(sizes[part.first : part.last])
