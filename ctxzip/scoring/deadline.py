"""A model that reads what it may read of a request; BM25 scores the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import sigmoid
from ctxzip.datamodels import DEADLINE, PREFILTER, Request, Scores, Unit
from ctxzip.scoring.bm25 import Bm25Scorer
from ctxzip.scoring.parts import Part, request_of
from ctxzip.scoring.prefilter import best_first, cut, parts_read, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctxzip.scoring.loading import Scorer

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
    """Asks the model about the parts of a request that it may read, those that BM25 ranks highest first.

    `Request.read_tokens` and `Request.read_characters` say how much of a request it reads, `Request.read_by` until
    when; a request without any is the model's alone. A unit that it does not read has a probability by BM25: far
    below all others where the prefilter dropped it; where the time was over, the chance that its share of BM25
    is worth, which can be compared with what the model says of others. `Scores.unread` says which.

    Under a deadline whole passages are read one after the other, so that what was read in time scores as
    it would without one; passages of more than 4,096 bytes are read in parts.

    Args:
        model: reads.
        clock: of `Request.read_by`, in seconds.
    """

    def __init__(self, model: Scorer, clock: Callable[[], float]) -> None:
        self.name = model.name
        self.device = model.device
        self.batch_tokens = model.batch_tokens
        self.second_looks = model.second_looks
        self._model = model
        self._clock = clock
        self._bm25 = Bm25Scorer()

    @property
    def notice(self) -> str | None:
        """What the model has to say."""
        return self._model.notice

    def score(self, batch: Sequence[tuple[Request, Sequence[Unit]]]) -> list[Scores]:
        """Score each request by itself; the model is asked together about those without a deadline."""
        plans = [
            None
            if request.read_tokens is request.read_characters is request.read_by is None
            else self._plan(request, units)
            for request, units in batch
        ]
        together = [n for n, (request, _) in enumerate(batch) if request.read_by is None]
        asked = [batch[n] if (plan := plans[n]) is None else request_of(*batch[n], plan.parts) for n in together]
        answers = dict(zip(together, self._model.score(asked), strict=True))
        found = []
        for n, ((request, units), plan) in enumerate(zip(batch, plans, strict=True)):
            if plan is None:
                found.append(answers[n])
            else:
                read = [(plan.parts, answers[n])] if n in answers else self._read_in_time(request, units, plan)
                found.append(_merged(request, units, plan, read))
        return found

    def _plan(self, request: Request, units: Sequence[Unit]) -> _Plan:
        (words,) = self._bm25.score([(request, units)])
        parts = parts_read(request, units, words.probability)
        if request.read_by is None:
            return _Plan(parts, words.probability, ())
        sizes = [len(request.passages[unit.passage].text[unit.start : unit.end].encode()) for unit in units]
        return _Plan(best_first(cut(parts, sizes, _STEP), words.probability), words.probability, sizes)

    def _read_in_time(
        self, request: Request, units: Sequence[Unit], plan: _Plan
    ) -> list[tuple[Sequence[Part], Scores]]:
        """Return what the model said in time: the parts of each step, and their scores.

        A step is as much as the model works on at once. None is begun that would be late if it took as
        long as the one before.
        """
        read: list[tuple[Sequence[Part], Scores]] = []
        at, took = 0, 0.0
        while at < len(plan.parts) and request.read_by is not None:
            began = self._clock()
            if began + took >= request.read_by:
                break
            end, size = at, 0
            while end < len(plan.parts):
                size += size_of(plan.parts[end], plan.sizes)
                if end > at and size > _PER_TOKEN * self.batch_tokens:
                    break
                end += 1
            step = plan.parts[at:end]
            (scores,) = self._model.score([request_of(request, units, step)])
            read.append((step, scores))
            at, took = end, self._clock() - began
        return read

    def close(self) -> None:
        """Free the threads and files of the model."""
        self._model.close()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the model is to read of one request, in this order, what BM25 says of every unit, and its bytes under a deadline."""

    parts: list[Part]
    share: NDArray[np.float32]
    sizes: Sequence[int]


def _merged(
    request: Request, units: Sequence[Unit], plan: _Plan, read: Sequence[tuple[Sequence[Part], Scores]]
) -> Scores:
    """Return the scores of a request of which the model read some parts."""
    unread: list[str | None] = [PREFILTER] * len(units)
    probability = _FAR_BELOW * plan.share
    for part in plan.parts:
        unread[part.first : part.last] = [DEADLINE] * (part.last - part.first)
        probability[part.first : part.last] = sigmoid(_WORTH * plan.share[part.first : part.last] + _BIAS)
    relevance = np.full(len(request.passages), -1, dtype=np.float32)
    for parts, scores in read:
        first = 0
        for part, relevant in zip(parts, scores.relevance, strict=True):
            last = first + part.last - part.first
            probability[part.first : part.last] = scores.probability[first:last]
            unread[part.first : part.last] = [None] * (last - first)
            relevance[part.passage] = max(relevance[part.passage], relevant)
            first = last
    by_words = np.zeros_like(relevance)
    if not request.found:  # a second look adds to what the first said, and says nothing of what it does not read
        np.maximum.at(by_words, [unit.passage for unit in units], probability)
    return Scores(
        probability,
        np.where(relevance < 0, by_words, relevance),
        tuple(dict.fromkeys(warning for _, scores in read for warning in scores.warnings)),
        tuple(unread) if any(unread) else (),
    )
