"""One compressed request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctxzip.datamodels import Budget, RecordWarning, Request, Scored, Selection


@dataclass(frozen=True, slots=True)
class Result:
    """One compressed request.

    Attributes:
        scored: the request with its units and scores.
        budget: what might be kept, and why.
        selection: the units that are kept, and why others are not.
        texts: what is kept of each passage, `""` where nothing is.
        order: indices of the passages in the order in which they are written.
        tokenizer: what counted, as records name it.
        tokens_in, tokens_out: tokens before and after, counted on the same rendering.
        warnings: of all stages.
        context: one prompt-ready text, where the settings ask for text or markdown.
        explained: whether the record states for each dropped unit why.
    """

    scored: Scored
    budget: Budget
    selection: Selection
    texts: tuple[str, ...]
    order: tuple[int, ...]
    tokenizer: str
    tokens_in: int
    tokens_out: int
    warnings: tuple[RecordWarning, ...] = ()
    context: str | None = None
    explained: bool = False

    @property
    def request(self) -> Request:
        """The request as it came."""
        return self.scored.request

    @property
    def kept_fraction(self) -> float:
        """`tokens_out / tokens_in`; 0 for a request without any text, above 1 only through gap marks."""
        return self.tokens_out / self.tokens_in if self.tokens_in else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the record that `ctxzip compress` writes, as plain Python values."""
        from ctxzip.rendering.record import record

        found: dict[str, Any] = json.loads(record(self))
        return found
