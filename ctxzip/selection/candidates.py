"""The units that may be kept on their own, ranked by probability, and the headings that come along with each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxzip.datamodels import Scores, Unit

# They name the units under them and are no evidence themselves; they are kept with these units.
_HEADINGS = frozenset({"heading", "table_header"})


def candidates(
    units: Sequence[Unit], scores: Scores, top_docs: int | None = None, always: Collection[int] = ()
) -> list[int]:
    """Return the indices of the units that may be kept on their own, best first, ties in document order.

    Headings and table headers with units under them are not among them.

    Args:
        units: of the request, in document order.
        scores: of these units.
        top_docs: only units of this many most relevant passages are candidates; None for all.
        always: indices of passages that are allowed whatever their relevance, and not counted in `top_docs`.
    """
    passages = {unit.passage for unit in units}
    allowed = passages if top_docs is None else {*always, *_top_passages(passages.difference(always), scores, top_docs)}
    parents = {unit.parent for unit in units}
    probability = scores.probability.tolist()
    return sorted(
        (
            i
            for i, unit in enumerate(units)
            if unit.passage in allowed and not (unit.kind in _HEADINGS and i in parents)
        ),
        key=lambda i: (-probability[i], i),
    )


def groups(units: Sequence[Unit], ranked: Sequence[int]) -> list[list[int]]:
    """Return, for each ranked unit, what it adds to those ranked before it: itself and the headings not added yet."""
    seen: set[int] = set()
    found = []
    for i in ranked:
        group = []
        at: int | None = i
        while at is not None and at not in seen:
            seen.add(at)
            group.append(at)
            at = units[at].parent
        found.append(group)
    return found


def _top_passages(passages: Collection[int], scores: Scores, top_docs: int) -> list[int]:
    return sorted(passages, key=lambda p: (-scores.relevance[p], p))[:top_docs]
