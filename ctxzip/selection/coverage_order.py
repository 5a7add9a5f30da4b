"""The order in which a budget considers the candidates, so that multi-hop questions and comparisons get several passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxzip.selection.dedup import casefolded_words

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxzip.datamodels import ParsedQuery, Passage, Unit


def coverage_order(
    query: ParsedQuery, ranked: Sequence[int], units: Sequence[Unit], passages: Sequence[Passage]
) -> list[int]:
    """Return the candidates in the order in which a budget considers them.

    That is the order of `ranked`, unless evidence is expected in several passages (`covering`).

    Args:
        query: with `needs_several_passages`, and the compared entities of a comparison.
        ranked: indices of the candidates, best first.
        units: of the request, in document order.
        passages: of the request.
    """
    if not query.needs_several_passages:
        return list(ranked)
    compared = query.entities[:2] if query.kind == "comparison" and len(query.entities) > 1 else ()
    return covering(ranked, units, [found for name in compared if (found := passages_naming(passages, name))])


def covering(ranked: Sequence[int], units: Sequence[Unit], sides: Sequence[Collection[int]]) -> list[int]:
    """Return a ranking with units of several passages near its head.

    Where it is known what is compared, the best unit of each side comes right after the best of all; else the best unit of
    a second passage comes third, where the first two are from one passage. Third, because that keeps more evidence in two
    sentences than second (models/README.md has the measurements).

    Args:
        ranked: indices of the candidates, best first.
        units: of the request, in document order.
        sides: for each thing compared the indices of the passages about it; empty where nothing is compared.
    """
    first = list(ranked[: 1 if sides else 2])
    wanted = sides or [{unit.passage for unit in units} - {units[i].passage for i in first[:1]}]
    if sides or len({units[i].passage for i in first}) == 1:
        best = (next((i for i in ranked if units[i].passage in side), None) for side in wanted)
        first += sorted((i for i in best if i is not None), key=ranked.index)
    first = list(dict.fromkeys(first))
    return first + [i for i in ranked if i not in first]


def passages_naming(passages: Sequence[Passage], name: str) -> frozenset[int]:
    """Return the indices of the passages whose title contains a name, or where there are none, whose text does.

    Words are compared whole, and without case.
    """
    sought = _spaced(name)
    if not sought.strip():
        return frozenset()
    in_title = [index for index, passage in enumerate(passages) if sought in _spaced(passage.title)]
    return frozenset(in_title or [index for index, passage in enumerate(passages) if sought in _spaced(passage.text)])


def _spaced(text: str) -> str:
    """Return the words of a text with a space on both sides of each, so that substrings of it are whole words."""
    return f" {' '.join(casefolded_words(text))} "
