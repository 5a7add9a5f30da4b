"""Parts of a request, so that a model can score them alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import Passage, ScoringInput, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Part:
    """Units of one passage that stand side by side: the half-open range `first` to `last` of the request's."""

    passage: int
    first: int
    last: int


def passages(item: ScoringInput) -> list[Part]:
    """Return every passage as one part, those without units too."""
    units = item.units
    owners = np.fromiter((unit.passage for unit in units), dtype=np.intp, count=len(units))
    borders = np.searchsorted(owners, np.arange(len(item.request.passages) + 1)).tolist()
    return [Part(index, borders[index], borders[index + 1]) for index in range(len(item.request.passages))]


def input_of(item: ScoringInput, parts: Iterable[Part]) -> ScoringInput:
    """Return the input whose passages are those parts, without limits.

    A part with all units of its passage has the whole text of the passage, so that its scores are those that it has beside
    the others; the text of any other part is what its units span. Units have no parents: models use none.
    """
    request, units = item.request, item.units
    texts: list[Passage] = []
    found: list[Unit] = []
    for index, part in enumerate(parts):
        passage, own = request.passages[part.passage], units[part.first : part.last]
        start = 0
        if _is_cut(units, part):
            start = own[0].start
            passage = replace(passage, text=passage.text[start : own[-1].end])
        texts.append(passage)
        found += [Unit(index, unit.start - start, unit.end - start, unit.n_tokens, unit.kind) for unit in own]
    return ScoringInput(replace(request, passages=tuple(texts)), tuple(found), item.evidence)


def _is_cut(units: Sequence[Unit], part: Part) -> bool:
    beside = [units[i].passage for i in (part.first - 1, part.last) if 0 <= i < len(units)]
    return part.first < part.last and part.passage in beside
