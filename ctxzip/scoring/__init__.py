"""Question and units -> how likely each unit is evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctxzip.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxzip.records import Request, Scores, Unit


class Scorer(Protocol):
    """Scores the units of requests. What it returns for one request does not depend on the others."""

    name: str

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Return one `Scores` a request, in order; both arrays may be empty."""
        ...


def _bm25() -> Scorer:
    from ctxzip.scoring.bm25 import Bm25Scorer

    return Bm25Scorer()


SCORERS: dict[str, Callable[[], Scorer]] = {"bm25": _bm25}
DEFAULT_SCORER = "bm25"


def load_scorer(name: str = DEFAULT_SCORER) -> Scorer:
    """Return the scorer of that name.

    Raises:
        UsageError: no such scorer.
    """
    if name not in SCORERS:
        raise UsageError(f"no scorer {name!r}: expected one of {', '.join(SCORERS)} (--scorer)")
    return SCORERS[name]()
