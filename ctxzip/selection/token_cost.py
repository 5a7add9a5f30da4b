"""Tokens of the final text: counted exactly for a set of kept units, estimated while units are added one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ctxzip.datamodels import Unit


@dataclass(frozen=True, slots=True)
class TokenCost:
    """What kept units cost in the final text of one request.

    Attributes:
        units: of the request, in document order.
        count: returns the exact tokens of the final text in which the given units (indices, in document order) are kept.
        title_tokens: tokens of the line above each passage, which is written once any unit of it is kept; `(n_passages,)`,
            empty where no such lines are written.
        gap_tokens: tokens of the mark where something is left out; 0 without marks.
    """

    units: Sequence[Unit]
    count: Callable[[Collection[int]], int]
    title_tokens: Sequence[int] = ()
    gap_tokens: int = 0

    def beyond(self, kept: Sequence[int], n_tokens: int) -> TokenCost:
        """Return the cost of units that are kept in addition to others.

        Args:
            kept: indices of the units kept already.
            n_tokens: exact tokens of the final text with these alone.
        """
        return replace(self, count=lambda more: self.count(sorted((*kept, *more))) - n_tokens)


class KeptUnits:
    """The units chosen so far with their headings, and an estimate of their tokens.

    Args:
        cost: of the units of the request.

    Attributes:
        chosen: indices of the units that were added, in the order of adding; headings that come along are not among them.
        n_tokens: estimated tokens of the final text.
    """

    def __init__(self, cost: TokenCost) -> None:
        self._cost = cost
        self._units = cost.units
        self._n_in_passage: Counter[int] = Counter()
        self._uses: Counter[int] = Counter()  # for each kept unit the number of chosen units that need it
        self.chosen: list[int] = []
        self.n_tokens = 0

    def __contains__(self, i: int) -> bool:
        return i in self._uses

    def estimate(self, i: int) -> int:
        """Return the tokens that unit `i` would add, with its headings, the title of its passage and gap marks."""
        group = [j for j in self._with_headings(i) if j not in self]
        passage = self._units[i].passage
        is_first = not self._n_in_passage[passage]
        n_tokens = sum(self._units[j].n_tokens for j in group)
        if self._cost.title_tokens and is_first:
            n_tokens += self._cost.title_tokens[passage]
        if self._cost.gap_tokens and group:
            n_joined = sum(self._is_kept_beside(j, -1, group) + self._is_kept_beside(j, 1, []) for j in group)
            n_tokens += self._cost.gap_tokens * (len(group) - n_joined - is_first)
        return n_tokens

    def add(self, i: int) -> None:
        """Keep unit `i` and its headings."""
        self.n_tokens += self.estimate(i)
        self.chosen.append(i)
        for j in self._with_headings(i):
            self._n_in_passage[self._units[j].passage] += j not in self
            self._uses[j] += 1

    def drop_last(self) -> int:
        """Drop the unit that was added last, and headings that no other unit needs; return the tokens of their texts."""
        n_tokens = 0
        for j in self._with_headings(self.chosen.pop()):
            self._uses[j] -= 1
            if not self._uses[j]:
                del self._uses[j]
                self._n_in_passage[self._units[j].passage] -= 1
                n_tokens += self._units[j].n_tokens
        return n_tokens

    def indices(self) -> list[int]:
        """Return all kept units, headings included, in document order."""
        return sorted(self._uses)

    def _is_kept_beside(self, j: int, step: int, group: Sequence[int]) -> bool:
        """Return whether the unit next to `j` is kept or in `group`, so that no gap mark is written between them."""
        beside = j + step
        inside = 0 <= beside < len(self._units) and self._units[beside].passage == self._units[j].passage
        return inside and (beside in self or beside in group)

    def _with_headings(self, i: int) -> Iterator[int]:
        at: int | None = i
        while at is not None:
            yield at
            at = self._units[at].parent
