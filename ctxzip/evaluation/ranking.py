"""The ranked units of a labelled question, and the rank of its evidence.

A question is scored once. Every rule that decides how much is kept is then a cut of the same ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.errors import InputError
from ctxzip.reading.origin import BadRecord
from ctxzip.selection.candidates import candidates, groups
from ctxzip.selection.selection_pipeline import ranking_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctxzip.datamodels import Ranking, Scored
    from ctxzip.evaluation.labelled import Labelled
    from ctxzip.scoring.pipeline import ScoringPipeline


@dataclass(frozen=True, slots=True)
class Ranked:
    """One scored question.

    Attributes:
        set_name: name of its set.
        ranking: its ranked scores.
        kept_fraction: `(n,)`, 0..1: the fraction of the words in the first 1, 2, ..., n units with their headings.
        last_needed: rank, from 0, of the last unit that must be kept; None where no unit overlaps needed evidence.
    """

    set_name: str
    ranking: Ranking
    kept_fraction: NDArray[np.float64]
    last_needed: int | None

    @property
    def kind(self) -> str:
        """The kind of the question."""
        return self.ranking.kind


def rank_question(set_name: str, question: Labelled, scored: Scored) -> Ranked | None:
    """Return the ranking of one question; None where there is no unit to rank.

    Args:
        set_name: name of its set.
        question: answerable or not.
        scored: its units and scores, tokens counted in words.
    """
    units = scored.units
    order = candidates(units, scored.scores)
    if not order:
        return None
    with_headings = groups(units, order)
    never = len(order)
    ranks = np.full(len(units), never)
    for rank, group in enumerate(with_headings):
        ranks[group] = rank
    needed = never
    if question.need != "none":
        first = np.where(question.overlaps(units), ranks[:, None], never).min(axis=0)  # (n_spans,)
        needed = int(first.max() if question.need == "all" else first.min())
    words = [sum(units[i].n_tokens for i in group) for group in with_headings]
    return Ranked(
        set_name=set_name,
        ranking=ranking_of(scored.prepared, scored.scores),
        kept_fraction=np.cumsum(words) / max(scored.prepared.passage_tokens, 1),
        last_needed=None if needed == never else needed,
    )


def rank_questions(
    scoring: ScoringPipeline,
    questions: Sequence[tuple[str, Labelled]],
    progress: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
) -> list[Ranked | None]:
    """Score questions and rank the units of each; None for a question without units.

    Args:
        scoring: scores the questions.
        questions: each with the name of its set.
        progress: called after every question with its set, the number done, and the number of all.

    Raises:
        InputError: a question cannot be scored.
    """
    results = scoring.score(question.request for _, question in questions)
    found = []
    for done, ((name, question), scored) in enumerate(zip(questions, results, strict=True), 1):
        if isinstance(scored, BadRecord):
            raise InputError(scored.message, option=scored.options)
        found.append(rank_question(name, question, scored))
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
