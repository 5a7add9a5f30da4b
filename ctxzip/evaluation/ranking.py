"""What the ranking of a labelled question keeps, and how far down its evidence stands.

A question is scored once; every way to decide how much is kept is then a way to put numbers to the
same ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.errors import InputError
from ctxzip.reading.origin import BadRecord
from ctxzip.selection.candidates import candidates, groups
from ctxzip.selection.choose import ranking_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctxzip.datamodels import Ranking, Scored
    from ctxzip.evaluation.labelled import Labelled
    from ctxzip.scoring.pipeline import ScoringPipeline


@dataclass(frozen=True, slots=True)
class Ranked:
    """One answerable question, scored: what its ranking keeps, and how far down the evidence stands.

    Attributes:
        set_name: of the file that it stands in.
        ranking: of its units.
        kept_fraction: `(n,)`, of the words, when the first 1, 2, ..., n of them are kept with their headings.
        last_needed: index of the last unit that must be kept; None where no unit answers.
    """

    set_name: str
    ranking: Ranking
    kept_fraction: NDArray[np.float64]
    last_needed: int | None

    @property
    def kind(self) -> str:
        """How the question was read."""
        return self.ranking.kind


def ranked(set_name: str, question: Labelled, scored: Scored) -> Ranked | None:
    """Return what the ranking of one question keeps; None where there is nothing to rank.

    Args:
        set_name: of the file.
        question: answerable or not.
        scored: its units and scores, tokens counted in words.
    """
    units = scored.units
    order = candidates(units, scored.scores)
    if not order:
        return None
    together = groups(units, order)
    never = len(order)
    ranks = np.full(len(units), never)
    for rank, group in enumerate(together):
        ranks[group] = rank
    needed = never
    if question.need != "none":
        first = np.where(question.overlaps(units), ranks[:, None], never).min(axis=0)  # (n_spans,)
        needed = int(first.max() if question.need == "all" else first.min())
    words = [sum(units[i].n_tokens for i in group) for group in together]
    return Ranked(
        set_name=set_name,
        ranking=ranking_of(scored.prepared.query, units, scored.scores),
        kept_fraction=np.cumsum(words) / max(scored.prepared.passage_tokens, 1),
        last_needed=None if needed == never else needed,
    )


def rank_questions(
    scoring: ScoringPipeline,
    questions: Sequence[tuple[str, Labelled]],
    progress: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
) -> list[Ranked | None]:
    """Score questions and rank the units of each; None where there is nothing to rank.

    Args:
        scoring: scores the questions.
        questions: the name of the set of each question, and the question.
        progress: called after every question with its set, how many are done, of how many.

    Raises:
        InputError: a question cannot be scored.
    """
    results = scoring.score(question.request for _, question in questions)
    found = []
    for done, ((name, question), scored) in enumerate(zip(questions, results, strict=True), 1):
        if isinstance(scored, BadRecord):
            raise InputError(scored.message, option=scored.options)
        found.append(ranked(name, question, scored))
        progress(name, done, len(questions))
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
