"""The ranked units of a labelled question, and the rank of its evidence.

A question is scored once. Every rule that decides how much is kept is then a cut of the same ranking.
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
    """One scored question.

    Attributes:
        set_name: name of its set.
        profile: its ranked scores.
        kept_fraction: `(n,)`, 0..1: the fraction of the words in the first 1, 2, ..., n units with their headings.
        last_needed: rank, from 0, of the last unit that must be kept; None where no unit overlaps needed evidence.
    """

    set_name: str
    profile: Profile
    kept_fraction: NDArray[np.float64]
    last_needed: int | None

    @property
    def kind(self) -> str:
        """The kind of the question."""
        return self.profile.kind


def rank_question(set_name: str, question: Labelled, result: Result) -> Ranked | None:
    """Return the ranking of one question; None where there is no unit to rank.

    Args:
        set_name: name of its set.
        question: answerable or not.
        result: of the question under any limits; only its units and scores are used.
    """
    order = candidates(result.units, result.scores)
    if not order:
        return None
    with_headings = groups(result.units, order)
    never = len(order)
    ranks = np.full(len(result.units), never)
    for rank, group in enumerate(with_headings):
        ranks[group] = rank
    needed = never
    if question.need != "none":
        first = np.where(question.overlaps(result.units), ranks[:, None], never).min(axis=0)  # (n_spans,)
        needed = int(first.max() if question.need == "all" else first.min())
    words = [sum(result.units[i].n_tokens for i in group) for group in with_headings]
    return Ranked(
        set_name=set_name,
        profile=profile_of(question.request.query, result.units, result.scores),
        kept_fraction=np.cumsum(words) / max(result.tokens_in, 1),
        last_needed=None if needed == never else needed,
    )


def rank_questions(
    compressor: Compressor,
    questions: Sequence[tuple[str, Labelled]],
    progress: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
) -> list[Ranked | None]:
    """Score questions and rank the units of each; None for a question without units.

    Args:
        compressor: scores the questions; its limits have no effect.
        questions: each with the name of its set.
        progress: called after every question with its set, the number done, and the number of all.

    Raises:
        InputError: a question cannot be scored.
    """
    results = compressor.stream(question.request for _, question in questions)
    found = []
    for done, ((name, question), result) in enumerate(zip(questions, results, strict=True), 1):
        if isinstance(result, BadRecord):
            raise InputError(result.message)
        found.append(rank_question(name, question, result))
        progress(name, done, len(questions))
    return found


def needed_depth(question: Ranked, depth: NDArray[np.float64]) -> float:
    """Return the smallest depth that keeps the needed evidence; infinite where none does.

    Args:
        question: ranked.
        depth: `(n,)`, the depth of each rank, never falling; the best unit is kept at every depth.
    """
    if question.last_needed is None:
        return np.inf
    return float(depth[question.last_needed]) if question.last_needed else 0.0


def kept_fraction_at(question: Ranked, depth: NDArray[np.float64], limit: float) -> float:
    """Return the fraction of the words, 0..1, in the ranks whose depth is at most `limit`; the best unit is always kept."""
    n_kept = max(int(np.searchsorted(depth, limit, side="right")), 1)
    return float(question.kept_fraction[n_kept - 1])
