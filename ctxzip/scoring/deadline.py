"""A model that scores the part of a request that prefilter and deadline allow; BM25 scores the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import sigmoid
from ctxzip.datamodels import DEADLINE, PREFILTER, Scores, ScoringInput
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.parts import Part, input_of
from ctxzip.scoring.prefilter import best_first, cut, scored_parts, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctxzip.scoring.protocol import Scorer

# What a unit's share of BM25 says of its chance to be evidence: logistic regression over all units of 120 questions
# of each of the eleven sets of README.md, every set weighing the same. Its calibration error there is 0.4 points, so
# that it can stand beside the calibrated probabilities of the model.
_WORTH, _BIAS = 4.67, -3.80
# What the prefilter drops never displaces what the model read: of the 60 passages looked at for that, it gave no
# unit a probability under 0.0008.
_FAR_BELOW = 1e-6
# Bytes of one passage that are read between two looks at the clock. Bytes of UTF-8 foretell tokens in any script, about four
# each: English has a byte a letter, Chinese three a character, which is a token.
_STEP = 4_096
_PER_TOKEN = 4


class PartialScorer:
    """Gives the model the parts of a request that it may score, those that BM25 ranks highest first.

    `ScoringInput.max_tokens`, `max_characters` and `deadline` limit the model; a request without any of them goes to the
    model whole. A unit that the model does not score has a probability by BM25: far below all others where the prefilter left
    it out; after the deadline, its calibrated BM25 probability, comparable with the model's. `Scores.not_scored` says which.

    Under a deadline whole passages are scored one after the other, so that what was scored in time has the scores that it has
    without a deadline; passages of more than 4,096 bytes are scored in parts.

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
        inputs = [batch[n] if (plan := plans[n]) is None else input_of(batch[n], plan.parts) for n in together]
        model_scores = dict(zip(together, self._model.score(inputs), strict=True))
        found = []
        for n, (item, plan) in enumerate(zip(batch, plans, strict=True)):
            if plan is None:
                found.append(model_scores[n])
            else:
                scored = [(plan.parts, model_scores[n])] if n in model_scores else self._scored_in_time(item, plan)
                found.append(_merged(item, plan, scored))
        return found

    def _plan(self, item: ScoringInput) -> _Plan:
        (by_bm25,) = self._bm25.score([item])
        parts = scored_parts(item, by_bm25.probability)
        if item.deadline is None:
            return _Plan(parts, by_bm25.probability, ())
        passages = item.request.passages
        sizes = [len(passages[unit.passage].text[unit.start : unit.end].encode()) for unit in item.units]
        return _Plan(best_first(cut(parts, sizes, _STEP), by_bm25.probability), by_bm25.probability, sizes)

    def _scored_in_time(self, item: ScoringInput, plan: _Plan) -> list[tuple[Sequence[Part], Scores]]:
        """Return the parts of each step that the model scored before the deadline, and their scores.

        A step is as much as the model scores at once. No step begins that would miss the deadline if it took as
        long as the one before.
        """
        scored: list[tuple[Sequence[Part], Scores]] = []
        at, took = 0, 0.0
        while at < len(plan.parts) and item.deadline is not None:
            began = self._clock()
            if began + took >= item.deadline:
                break
            end, size = at, 0
            while end < len(plan.parts):
                size += size_of(plan.parts[end], plan.sizes)
                if end > at and size > _PER_TOKEN * self.batch_tokens:
                    break
                end += 1
            step = plan.parts[at:end]
            (scores,) = self._model.score([input_of(item, step)])
            scored.append((step, scores))
            at, took = end, self._clock() - began
        return scored

    def close(self) -> None:
        """Free the threads and files of the model."""
        self._model.close()


@dataclass(frozen=True, slots=True)
class _Plan:
    """The parts of one request that the model is to score, in this order; the BM25 score of every unit, and its bytes under a deadline."""

    parts: list[Part]
    share: NDArray[np.float32]
    sizes: Sequence[int]


def _merged(item: ScoringInput, plan: _Plan, scored: Sequence[tuple[Sequence[Part], Scores]]) -> Scores:
    """Return the scores of a request of which the model scored some parts."""
    units = item.units
    not_scored: list[str | None] = [PREFILTER] * len(units)
    probability = _FAR_BELOW * plan.share
    for part in plan.parts:
        not_scored[part.first : part.last] = [DEADLINE] * (part.last - part.first)
        probability[part.first : part.last] = sigmoid(_WORTH * plan.share[part.first : part.last] + _BIAS)
    relevance = np.full(len(item.request.passages), -1, dtype=np.float32)
    for parts, scores in scored:
        first = 0
        for part, relevant in zip(parts, scores.relevance, strict=True):
            last = first + part.last - part.first
            probability[part.first : part.last] = scores.probability[first:last]
            not_scored[part.first : part.last] = [None] * (last - first)
            relevance[part.passage] = max(relevance[part.passage], relevant)
            first = last
    by_bm25 = np.zeros_like(relevance)
    if not item.evidence:  # a second pass adds to the first, and has no scores for what it leaves out
        np.maximum.at(by_bm25, [unit.passage for unit in units], probability)
    return Scores(
        probability,
        np.where(relevance < 0, by_bm25, relevance),
        tuple(dict.fromkeys(warning for _, scores in scored for warning in scores.warnings)),
        tuple(not_scored) if any(not_scored) else (),
    )
