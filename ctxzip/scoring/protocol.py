"""What a scorer is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import RecordWarning, Request, Scores, ScoringInput


class Scorer(Protocol):
    """Scores the units of requests. The scores of one request do not depend on the other requests of a batch.

    That holds to the last bit on the CPU; where windows are computed together, as on CUDA, the last digits may differ.

    Attributes:
        name: as records name it.
        device: where it runs: `cpu` or `cuda:N`.
        batch_tokens: tokens of requests that are worth scoring together; 0 scores each as it comes.
        has_second_pass: whether a second pass with the evidence found so far is worth its time.
    """

    name: str
    device: str
    batch_tokens: int
    has_second_pass: bool

    @property
    def warning(self) -> str | None:
        """What a person must know, such as a GPU that cannot be used; or None."""
        ...

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Return one `Scores` a request, in order; both arrays may be empty."""
        ...

    def close(self) -> None:
        """End its threads and close its files; it can be used again, and opens them anew."""
        ...


class ModelScorer(Scorer, Protocol):
    """A scorer that runs a graph.

    Attributes:
        runs_alone: whether it runs every window by itself, so that the scores of a passage do not depend on
            the other passages of its request, to the last bit.
    """

    runs_alone: bool

    def truncation_warnings(self, request: Request) -> tuple[RecordWarning, ...]:
        """Return a warning where the query or titles are longer than what the model takes as input."""
        ...
