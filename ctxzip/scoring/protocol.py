"""The interfaces of scorers: a batch of inputs -> one `Scores` for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput


class Scorer(Protocol):
    """Scores the units of requests. The scores of one request do not depend on the other requests of a batch.

    That is true to the last bit on the CPU; where windows are batched, as on CUDA, the last digits may differ.

    Attributes:
        name: in records and reports.
        device: where it runs: `cpu` or `cuda:N`.
        batch_tokens: tokens of the requests that it scores together for the best speed; 0 where it gains nothing by that.
        has_second_pass: whether it uses evidence (`ScoringInput.evidence`), so that a second pass improves its scores.
    """

    name: str
    device: str
    batch_tokens: int
    has_second_pass: bool

    @property
    def warning(self) -> str | None:
        """A problem that the user should know of, such as a GPU that cannot be used; None where there is none."""
        ...

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Return one `Scores` for each input, in order; the arrays are empty for a request without units or passages."""
        ...

    def close(self) -> None:
        """End its threads and close its files; the next call of `score` opens them again."""
        ...


class ModelScorer(Scorer, Protocol):
    """A scorer that runs the graph of a model.

    Attributes:
        is_batch_independent: whether every window is a batch of its own, so that the scores of a passage do not depend on
            the other passages of its request, to the last bit.
    """

    is_batch_independent: bool

    def truncation_warnings(self, request: Request) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or a title is longer than the model's input allows."""
        ...
