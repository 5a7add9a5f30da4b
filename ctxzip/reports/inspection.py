"""One result as a person looks at it: every unit, kept or not, with its score and why it was dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxzip.reading.origin import origin_of
from ctxzip.selection.candidates import candidates
from ctxzip.selection.segments import outside_context

if TYPE_CHECKING:
    from ctxzip.datamodels import Unit
    from ctxzip.rendering.result import Result


@dataclass(frozen=True, slots=True)
class ShownUnit:
    """One unit.

    Attributes:
        index: among the units of the request.
        gap: what stands between the unit before and this one.
        probability: 0..1, with the digits of a float32.
        reason: why it was dropped; None where it is kept.
        free: whether it can be kept for its own sake; a heading comes with what stands under it only.
        parent: index of the heading or table header that is kept with it.
    """

    index: int
    gap: str
    text: str
    kind: str
    n_tokens: int
    probability: float
    kept: bool
    reason: str | None
    free: bool
    parent: int | None


@dataclass(frozen=True, slots=True)
class ShownDocument:
    """One document; `number` counts from 1 in the input, tokens are those of its units."""

    number: int
    title: str
    id: str | None
    relevance: float
    language: str
    units: tuple[ShownUnit, ...]

    @property
    def n_kept(self) -> int:
        """Units that are kept."""
        return sum(unit.kept for unit in self.units)

    @property
    def tokens_in(self) -> int:
        """Tokens of all units."""
        return sum(unit.n_tokens for unit in self.units)

    @property
    def tokens_kept(self) -> int:
        """Tokens of the units that are kept."""
        return sum(unit.n_tokens for unit in self.units if unit.kept)


@dataclass(frozen=True, slots=True)
class Shown:
    """One request; `documents` in the order in which the result writes them."""

    result: Result
    place: str
    documents: tuple[ShownDocument, ...]

    @property
    def lowest_kept(self) -> float | None:
        """The lowest probability of what is kept for its own sake, 0..1; None where nothing is."""
        kept = [unit.probability for document in self.documents for unit in document.units if unit.kept and unit.free]
        return min(kept, default=None)


def inspected(result: Result, top_docs: int | None = None) -> Shown:
    """Return a result as it is looked at.

    Args:
        result: not rendered with documents left out.
        top_docs: how many documents might give anything, as in the settings that made the result.
    """
    free = set(
        candidates(result.scored.units, result.scored.scores, top_docs, outside_context(result.request.passages))
    )
    kept = set(result.selection.kept)
    by_passage: list[list[ShownUnit]] = [[] for _ in result.request.passages]
    end = 0
    before: Unit | None = None
    for i, unit in enumerate(result.scored.units):
        text = result.request.passages[unit.passage].text
        end = end if before is not None and before.passage == unit.passage else 0
        by_passage[unit.passage].append(
            ShownUnit(
                index=i,
                gap=text[end : unit.start],
                text=text[unit.start : unit.end],
                kind=unit.kind,
                n_tokens=unit.n_tokens,
                probability=float(str(result.scored.scores.probability[i])),
                kept=i in kept,
                reason=None if i in kept else result.selection.dropped_because[i],
                free=i in free,
                parent=unit.parent,
            )
        )
        end, before = unit.end, unit
    return Shown(
        result,
        origin_of(result.request).place,
        tuple(
            ShownDocument(
                number=index + 1,
                title=result.request.passages[index].title,
                id=result.request.passages[index].id,
                relevance=float(result.scored.scores.relevance[index]),
                language=result.scored.prepared.languages[index],
                units=tuple(by_passage[index]),
            )
            for index in result.order
        ),
    )
