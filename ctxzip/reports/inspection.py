"""The view model of `ctxzip inspect`: every unit of a result, with its score and the reason where it was dropped."""

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
    """One unit as it is shown.

    Attributes:
        index: of the unit in the request, from 0.
        gap: the text between the unit before and this one.
        text: of the unit.
        kind: of the unit, such as `sentence` or `table_row`.
        n_tokens: its tokens.
        probability: 0..1, with the digits of a float32.
        kept: whether it is kept.
        reason: why it was dropped, or that it was kept as a neighbour; None for others that are kept.
        free: whether it is a candidate of its own; headings are kept only with a unit under them.
        parent: index of the heading or table header that is kept with it; None where there is none.
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
    """One document as it is shown.

    Attributes:
        number: of the document in the input, from 1.
        title: empty where it has none.
        id: None where it has none.
        relevance: 0..1.
        language: the detected language code.
        units: its units in order.
    """

    number: int
    title: str
    id: str | None
    relevance: float
    language: str
    units: tuple[ShownUnit, ...]

    @property
    def n_kept(self) -> int:
        """Number of kept units."""
        return sum(unit.kept for unit in self.units)

    @property
    def tokens_in(self) -> int:
        """Tokens of all units."""
        return sum(unit.n_tokens for unit in self.units)

    @property
    def tokens_kept(self) -> int:
        """Tokens of the kept units."""
        return sum(unit.n_tokens for unit in self.units if unit.kept)


@dataclass(frozen=True, slots=True)
class Shown:
    """One result as it is shown.

    Attributes:
        result: the result itself.
        documents: in the order of the output.
    """

    result: Result
    place: str
    documents: tuple[ShownDocument, ...]

    @property
    def lowest_kept(self) -> float | None:
        """The lowest probability of a kept candidate, 0..1, neighbours left out; None where none is kept."""
        units = [unit for document in self.documents for unit in document.units]
        return min((unit.probability for unit in units if unit.kept and unit.free and not unit.reason), default=None)


def inspected(result: Result, top_docs: int | None = None) -> Shown:
    """Return the view model of a result.

    Args:
        result: with all documents, also the empty ones.
        top_docs: the setting `top_docs` of the result.
    """
    free = set(
        candidates(result.scored.units, result.scored.scores, top_docs, outside_context(result.request.passages))
    )
    kept = set(result.selection.kept)
    kept_because = result.selection.kept_because or (None,) * len(result.scored.units)
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
                reason=(kept_because if i in kept else result.selection.dropped_because)[i],
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
