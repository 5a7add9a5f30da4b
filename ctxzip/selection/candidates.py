"""The units that may be kept on their own, and the order in which a budget considers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxzip.datamodels import Scores, Unit

# These name what is under them and are no evidence themselves; they are kept with it.
_HEADS = frozenset({"heading", "table_header"})


def candidates(
    units: Sequence[Unit], scores: Scores, top_docs: int | None = None, always: Collection[int] = ()
) -> list[int]:
    """Return the units that may be kept for their own sake, best first, ties by place in the input.

    Left out are headings and table headers with something under them, and passages that are not
    among the `top_docs` most relevant, those of `always` not counted.
    """
    passages = {unit.passage for unit in units}
    allowed = passages if top_docs is None else {*always, *_top_passages(passages.difference(always), scores, top_docs)}
    parents = {unit.parent for unit in units}
    probability = scores.probability.tolist()
    return sorted(
        (i for i, unit in enumerate(units) if unit.passage in allowed and not (unit.kind in _HEADS and i in parents)),
        key=lambda i: (-probability[i], i),
    )


def groups(units: Sequence[Unit], ranked: Sequence[int]) -> list[list[int]]:
    """Return, for each ranked unit, what comes with it when those before it are kept: itself and new headings."""
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


def covering(ranked: Sequence[int], units: Sequence[Unit], sides: Sequence[Collection[int]]) -> list[int]:
    """Return the ranking of a question that needs several places, so that a small budget sees more than one.

    Where it is known what is compared, the best unit about each side comes right behind the best of all; else
    the best unit of a second passage comes third, where the best two are from one. Not second: of the first 84
    answerable questions of hotpotqa 48 keep all their evidence in two sentences without any of this, 45 with a second
    passage at once, and 47 so; in three sentences 60, 62 and 62. Over 14 budgets (3 to 30% of the words, 2 to 5 sentences,
    60 to 150 tokens) and the first 100 questions each of hotpotqa, 2wiki and musique, a question more keeps its evidence 14
    times and one less 2 times; over the next 150 of hotpotqa, on which nothing was chosen, 5 times and never.

    Args:
        ranked: indices of the candidates, best first.
        units: all of the request.
        sides: passages about each thing compared; empty where nothing is.
    """
    first = list(ranked[: 1 if sides else 2])
    wanted = sides or [{unit.passage for unit in units} - {units[i].passage for i in first[:1]}]
    if sides or len({units[i].passage for i in first}) == 1:
        best = (next((i for i in ranked if units[i].passage in side), None) for side in wanted)
        first += sorted((i for i in best if i is not None), key=ranked.index)
    first = list(dict.fromkeys(first))
    return first + [i for i in ranked if i not in first]


def _top_passages(passages: Collection[int], scores: Scores, top_docs: int) -> list[int]:
    return sorted(passages, key=lambda p: (-scores.relevance[p], p))[:top_docs]
