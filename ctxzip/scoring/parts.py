"""Parts of a request, so that a model can be asked about them alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import Passage, Request, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Part:
    """Units of one passage that stand side by side: the half-open range `first` to `last` of the request's."""

    passage: int
    first: int
    last: int


def passages(request: Request, units: Sequence[Unit]) -> list[Part]:
    """Return every passage as one part, those without units too."""
    owners = np.fromiter((unit.passage for unit in units), dtype=np.intp, count=len(units))
    borders = np.searchsorted(owners, np.arange(len(request.passages) + 1)).tolist()
    return [Part(index, borders[index], borders[index + 1]) for index in range(len(request.passages))]


def request_of(request: Request, units: Sequence[Unit], parts: Iterable[Part]) -> tuple[Request, tuple[Unit, ...]]:
    """Return the request whose passages are those parts, and its units.

    A part that holds all units of its passage has the whole text of it, so that a model reads it as it
    would beside the others; of another one the text is what its units span. Units have no parents:
    models read none.
    """
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
    return replace(request, passages=tuple(texts)), tuple(found)


def _is_cut(units: Sequence[Unit], part: Part) -> bool:
    beside = [units[i].passage for i in (part.first - 1, part.last) if 0 <= i < len(units)]
    return part.first < part.last and part.passage in beside
