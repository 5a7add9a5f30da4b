"""The texts of a request with some of its units kept, and their tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxzip.rendering.context import GAP_MARK, context, heading, passage_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxzip.datamodels import Passage, Unit
    from ctxzip.settings import Settings
    from ctxzip.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Draft:
    """One request as it is written with some of its units kept.

    Attributes:
        settings: what it is written as.
        passages: with every character that the tokenizer takes.
        units: of all passages, in document order.
        order: indices of the passages in the order in which they are written.
    """

    settings: Settings
    tokenizer: Tokenizer
    passages: tuple[Passage, ...]
    units: tuple[Unit, ...]
    order: tuple[int, ...]

    def texts(self, passages: Sequence[Passage], kept: Iterable[int]) -> tuple[str, ...]:
        """Return what is kept of each passage; `passages` are the request's as they came, or as they are counted."""
        kept = frozenset(kept)
        of_passage: list[list[int]] = [[] for _ in passages]
        for i, unit in enumerate(self.units):
            of_passage[unit.passage].append(i)
        return tuple(
            passage_text(
                passage.text,
                [(self.units[i], i in kept) for i in indices],
                mark_gaps=self.settings.mark_gaps,
            )
            for passage, indices in zip(passages, of_passage, strict=True)
        )

    def written(self, kept: Iterable[int]) -> str:
        """Return the text or markdown of the whole context."""
        return context(
            self.passages,
            self.texts(self.passages, kept),
            self.order,
            to=self.settings.to,
            titles=self.settings.titles,
        )

    def measure(self, kept: Iterable[int]) -> int:
        """Return the tokens of the final text."""
        if not self.settings.in_records:
            return self.tokenizer.count([self.written(kept)])[0]
        return sum(self.tokenizer.count([text for text in self.texts(self.passages, kept) if text]))

    def passage_costs(self) -> list[int]:
        """Return the tokens of the line above each passage; records have none."""
        if self.settings.in_records:
            return []
        return self.tokenizer.count(
            [
                heading(number, passage, to=self.settings.to, titles=self.settings.titles)
                for number, passage in enumerate(self.passages, 1)
            ]
        )

    @property
    def gap_cost(self) -> int:
        """Tokens of the mark where something was left out; 0 without one."""
        return self.tokenizer.count([GAP_MARK])[0] if self.settings.mark_gaps else 0
