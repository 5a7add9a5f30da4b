"""Renders one request with any of its units kept, and counts the tokens of the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxzip.rendering.context import GAP_MARK, context, passage_text, title_line
from ctxzip.selection.token_cost import TokenCost

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxzip.datamodels import Passage, Unit
    from ctxzip.settings import Settings
    from ctxzip.tokens import Tokenizer


@dataclass(frozen=True, slots=True)
class Renderer:
    """Renders one request.

    Attributes:
        settings: the format, and whether titles and gap marks are written.
        tokenizer: counts.
        passages: of the normalized request, without characters that a tokenizer refuses.
        units: of all passages, in document order.
        order: indices of the passages in the order in which they are written.
    """

    settings: Settings
    tokenizer: Tokenizer
    passages: tuple[Passage, ...]
    units: tuple[Unit, ...]
    order: tuple[int, ...]

    def texts(self, passages: Sequence[Passage], kept: Iterable[int]) -> tuple[str, ...]:
        """Return what is kept of each passage, `""` where nothing is.

        Args:
            passages: of the normalized request, or of the request as it came; offsets are the same.
            kept: indices of units.
        """
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

    def context(self, kept: Iterable[int]) -> str:
        """Return the prompt-ready context in the format of the settings, `text` or `markdown`."""
        return context(
            self.passages,
            self.texts(self.passages, kept),
            self.order,
            to=self.settings.to,
            titles=self.settings.titles,
        )

    def count_tokens(self, kept: Iterable[int]) -> int:
        """Return the tokens of the context, or in records the sum of those of the passages' texts."""
        if not self.settings.in_records:
            return self.tokenizer.count([self.context(kept)])[0]
        return sum(self.tokenizer.count([text for text in self.texts(self.passages, kept) if text]))

    def token_cost(self) -> TokenCost:
        """Return what units cost in this rendering."""
        return TokenCost(
            units=self.units,
            count=self.count_tokens,
            title_tokens=self._title_tokens(),
            gap_tokens=self.tokenizer.count([GAP_MARK])[0] if self.settings.mark_gaps else 0,
        )

    def _title_tokens(self) -> list[int]:
        """Return the tokens of the line above each passage; none in records."""
        if self.settings.in_records:
            return []
        return self.tokenizer.count(
            [
                title_line(number, passage, to=self.settings.to, titles=self.settings.titles)
                for number, passage in enumerate(self.passages, 1)
            ]
        )
