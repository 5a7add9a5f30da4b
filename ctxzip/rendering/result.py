"""What compressing one request returns."""

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
        budget: what may be kept, and the reason.
        selection: the units that are kept, and the reason for each that is dropped.
        texts: what is kept of each passage, `""` where nothing is kept.
        order: indices of the passages that are written, in the order in which they are written.
        tokenizer: what counted the tokens, as records name it.
        tokens_in, tokens_out: tokens of the request and of the result, both rendered the same way.
        warnings: of all stages.
        context: one prompt-ready text where `to` is `text` or `markdown`, else None.
        explained: whether records give the reason for each dropped unit (`--explain`).
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
        """`tokens_out / tokens_in`; 0 for a request without text; above 1 only because of gap marks."""
        return self.tokens_out / self.tokens_in if self.tokens_in else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the record that `ctxzip compress` writes, as plain Python values."""
        from ctxzip.rendering.record import record

        values: dict[str, Any] = json.loads(record(self))
        return values
