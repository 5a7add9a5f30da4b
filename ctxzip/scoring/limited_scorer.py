"""A scorer under prefilter and deadline: the model scores some parts of a request, BM25 the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import sigmoid
from ctxzip.datamodels import DEADLINE, PREFILTER, Scores, ScoringInput
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.passage_parts import PassagePart, input_of_parts, part_size, ranked_parts, split_parts
from ctxzip.scoring.prefilter import prefiltered_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctxzip.scoring.protocol import Scorer

# Calibrate a BM25 score: `sigmoid(_BM25_SCALE * score + _BM25_BIAS)`. Logistic regression over the units of 120 questions of
# each of the eleven sets of README.md; expected calibration error 0.4 points.
_BM25_SCALE, _BM25_BIAS = 4.67, -3.80
# The probability of a unit that the prefilter leaves out is its BM25 score times this: lower than any probability of the
# model (models/README.md).
_PREFILTERED_SCALE = 1e-6
# A passage of more bytes is scored in several parts, and the clock is read between them. UTF-8 has about four bytes to a token
# in any script: one to a letter of English, three to a Chinese character, which is a token.
_MAX_STEP_BYTES = 4_096
_BYTES_PER_TOKEN = 4


class LimitedScorer:
    """Lets a model score the parts of a request that prefilter and deadline allow, those that BM25 ranks highest.

    The limits are `ScoringInput.max_tokens`, `max_characters` and `deadline`; the model scores a request without limits
    whole. `Scores.not_scored` states which units the model did not score, and why. Their probability is from BM25: after the
    deadline it is calibrated, so that it compares with the model's; where the prefilter left a unit out, it is far below all
    others.

    Under a deadline the model scores whole passages one after the other, so that their scores are the same as without a
    deadline; passages of more than 4,096 bytes are scored in parts.

    Args:
        model: any scorer.
        clock: of `ScoringInput.deadline`, in seconds.
    """

    def __init__(self, model: Scorer, clock: Callable[[], float]) -> None:
        self.name = model.name
        self.device = model.device
        self.batch_tokens = model.batch_tokens
        self.has_second_pass = model.has_second_pass
        self._model = model
        self._clock = clock
        self._bm25 = Bm25Scorer()

    @property
    def warning(self) -> str | None:
        """The warning of the model, or None."""
        return self._model.warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score each request by itself; the model scores those without a deadline together."""
        plans = [self._plan(item) if item.is_limited else None for item in batch]
        together = [n for n, item in enumerate(batch) if item.deadline is None]
        inputs = [batch[n] if (plan := plans[n]) is None else input_of_parts(batch[n], plan.parts) for n in together]
        by_model = dict(zip(together, self._model.score(inputs), strict=True))
        scores = []
        for n, (item, plan) in enumerate(zip(batch, plans, strict=True)):
            if plan is None:
                scores.append(by_model[n])
            else:
                steps = [(plan.parts, by_model[n])] if n in by_model else self._scored_in_time(item, plan)
                scores.append(_merged(item, plan, steps))
        return scores

    def _plan(self, item: ScoringInput) -> _Plan:
        (by_bm25,) = self._bm25.score([item])
        bm25 = by_bm25.probability
        parts = prefiltered_parts(item, bm25)
        if item.deadline is None:
            return _Plan(parts, bm25, ())
        passages = item.request.passages
        n_bytes = [len(passages[unit.passage].text[unit.start : unit.end].encode()) for unit in item.units]
        return _Plan(ranked_parts(split_parts(parts, n_bytes, _MAX_STEP_BYTES), bm25), bm25, n_bytes)

    def _scored_in_time(self, item: ScoringInput, plan: _Plan) -> list[tuple[Sequence[PassagePart], Scores]]:
        """Let the model score one step after the other until the deadline; return the parts and the scores of each step.

        A step is as much as the model scores at once. A step does not begin where it would miss the deadline if it took as
        long as the one before.
        """
        steps: list[tuple[Sequence[PassagePart], Scores]] = []
        start, duration = 0, 0.0
        while start < len(plan.parts) and item.deadline is not None:
            began = self._clock()
            if began + duration >= item.deadline:
                break
            end, size = start, 0
            while end < len(plan.parts):
                size += part_size(plan.parts[end], plan.n_bytes)
                if end > start and size > _BYTES_PER_TOKEN * self.batch_tokens:
                    break
                end += 1
            parts = plan.parts[start:end]
            (scores,) = self._model.score([input_of_parts(item, parts)])
            steps.append((parts, scores))
            start, duration = end, self._clock() - began
        return steps

    def close(self) -> None:
        """Close the model."""
        self._model.close()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the model is to score of one request.

    Attributes:
        parts: in the order in which they are scored.
        bm25: `(n_units,)`, the BM25 score of every unit.
        n_bytes: UTF-8 bytes of every unit; empty without a deadline.
    """

    parts: list[PassagePart]
    bm25: NDArray[np.float32]
    n_bytes: Sequence[int]


def _merged(item: ScoringInput, plan: _Plan, steps: Sequence[tuple[Sequence[PassagePart], Scores]]) -> Scores:
    """Return the scores of a request from those of the parts that the model scored, and from BM25."""
    units = item.units
    not_scored: list[str | None] = [PREFILTER] * len(units)
    probability = _PREFILTERED_SCALE * plan.bm25
    for part in plan.parts:
        not_scored[part.first : part.last] = [DEADLINE] * (part.last - part.first)
        probability[part.first : part.last] = sigmoid(_BM25_SCALE * plan.bm25[part.first : part.last] + _BM25_BIAS)
    relevance = np.full(len(item.request.passages), -1, dtype=np.float32)
    for parts, scores in steps:
        first = 0
        for part, part_relevance in zip(parts, scores.relevance, strict=True):
            last = first + part.last - part.first
            probability[part.first : part.last] = scores.probability[first:last]
            not_scored[part.first : part.last] = [None] * (last - first)
            relevance[part.passage] = max(relevance[part.passage], part_relevance)
            first = last
    by_bm25 = np.zeros_like(relevance)
    if not item.evidence:  # a second pass only adds to the first: 0 for the passages that it leaves out
        np.maximum.at(by_bm25, [unit.passage for unit in units], probability)
    return Scores(
        probability,
        np.where(relevance < 0, by_bm25, relevance),
        tuple(dict.fromkeys(warning for _, scores in steps for warning in scores.warnings)),
        tuple(not_scored) if any(not_scored) else (),
    )
