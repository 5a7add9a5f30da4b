"""What the ranking of a labelled question keeps, and how far down its evidence stands.

A question is scored once; every way to decide how much is kept is then a way to put numbers to the
same ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.datamodels import BadRecord
from ctxzip.errors import InputError
from ctxzip.selection.choose import profile_of
from ctxzip.selection.greedy import candidates, groups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctxzip.compressor import Compressor
    from ctxzip.datamodels import Profile, Result
    from ctxzip.evaluation.labelled import Labelled


@dataclass(frozen=True, slots=True)
class Ranked:
    """One answerable question, scored: what its ranking keeps, and how far down the evidence stands.

    Attributes:
        set_name: of the file that it stands in.
        profile: of its ranking.
        kept_fraction: `(n,)`, of the words, when the first 1, 2, ..., n of them are kept with their headings.
        last_needed: index of the last unit that must be kept; None where no unit answers.
    """

    set_name: str
    profile: Profile
    kept_fraction: NDArray[np.float64]
    last_needed: int | None

    @property
    def kind(self) -> str:
        """How the question was read."""
        return self.profile.kind


def ranked(set_name: str, question: Labelled, result: Result) -> Ranked | None:
    """Return what the ranking of one question says; None where there is nothing to rank.

    Args:
        set_name: of the file.
        question: answerable or not.
        result: of it, whatever its limits were; its units and scores are used.
    """
    order = candidates(result.units, result.scores)
    if not order:
        return None
    together = groups(result.units, order)
    never = len(order)
    ranks = np.full(len(result.units), never)
    for rank, group in enumerate(together):
        ranks[group] = rank
    needed = never
    if question.need != "none":
        first = np.where(question.overlaps(result.units), ranks[:, None], never).min(axis=0)  # (n_spans,)
        needed = int(first.max() if question.need == "all" else first.min())
    words = [sum(result.units[i].n_tokens for i in group) for group in together]
    return Ranked(
        set_name=set_name,
        profile=profile_of(question.request.query, result.units, result.scores),
        kept_fraction=np.cumsum(words) / max(result.tokens_in, 1),
        last_needed=None if needed == never else needed,
    )


def rank_questions(
    compressor: Compressor,
    asked: Sequence[tuple[str, Labelled]],
    progress: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
) -> list[Ranked | None]:
    """Score questions and rank what each has; None where there is nothing to rank.

    Args:
        compressor: scores; its limits count for nothing.
        asked: the name of the set of each question, and the question.
        progress: told after every question its set, how many are done, of how many.

    Raises:
        InputError: a question cannot be scored.
    """
    results = compressor.stream(question.request for _, question in asked)
    found = []
    for done, ((name, question), result) in enumerate(zip(asked, results, strict=True), 1):
        if isinstance(result, BadRecord):
            raise InputError(result.message, option=result.options)
        found.append(ranked(name, question, result))
        progress(name, done, len(asked))
    return found


def need(question: Ranked, depth: NDArray[np.float64]) -> float:
    """Return the smallest depth that keeps what is needed; infinite where none does.

    Args:
        question: its ranking.
        depth: `(n,)`, never falling; the best unit is kept at any.
    """
    if question.last_needed is None:
        return np.inf
    return float(depth[question.last_needed]) if question.last_needed else 0.0


def kept_at(question: Ranked, depth: NDArray[np.float64], limit: float) -> float:
    """Return the fraction of the words within a depth; the best unit is always kept."""
    n_kept = max(int(np.searchsorted(depth, limit, side="right")), 1)
    return float(question.kept_fraction[n_kept - 1])
