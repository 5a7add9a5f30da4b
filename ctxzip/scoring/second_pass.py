"""The second pass of multi-hop queries: scores of the first pass -> the input of the second, and the scores of both.

"When was the director of Red Harbour born?" shares no word with the passage about Ines Holm. The first pass finds the
sentence that names her as the director; in the second pass this evidence is added to the query, which leads to her passage
(as in Xiong et al. 2021, "Answering complex open-domain questions with multi-hop dense retrieval"). The second pass scores
the part of the text that BM25 ranks highest for query and evidence.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import starmap
from typing import TYPE_CHECKING

import numpy as np

from ctxzip._internal.logits import logit, sigmoid
from ctxzip.datamodels import DEADLINE, PREFILTER, SECOND_PASS, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxzip.datamodels import Request, ScoringInput, Unit

# Chosen on the multi-hop dev sets; the model card of ctxzip-mini has measurements with and without a second pass (`tried`).
_MAX_EVIDENCE = 2_000  # code points of one piece of evidence: a longer unit is a block with too many words for BM25
_N_EVIDENCE = 2  # units of evidence: of both things that are compared, or of the first step and its nearest rival
_SHARE = 0.4  # of the code points of a request, that the second pass scores
_MIN_SCORED = 2_000  # code points that the second pass scores at least, of a request that has as many
_PENALTY = 0.5  # subtracted from the log-odds of units that it leaves out, which would otherwise rank too high


def second_input(item: ScoringInput, scores: Scores) -> ScoringInput:
    """Return the input of the second pass: with evidence, and the number of code points that the model scores.

    Args:
        item: the input of the first pass.
        scores: of the first pass.
    """
    evidence = tuple(sentence_with_title(item.request, item.units[i]) for i in best_of_passages(item.units, scores))
    n_characters = sum(unit.end - unit.start for unit in item.units)
    n_scored = max(math.ceil(_SHARE * n_characters), _MIN_SCORED)
    return replace(item, evidence=evidence, max_characters=n_scored if n_scored < n_characters else None)


def best_of_passages(units: Sequence[Unit], scores: Scores) -> list[int]:
    """Return the indices of the best unit of each of the two best passages, the best first; of equal units the first."""
    chosen: dict[int, int] = {}
    for i in np.argsort(-scores.probability, kind="stable").tolist():
        if units[i].kind != "heading":
            chosen.setdefault(units[i].passage, i)
        if len(chosen) == _N_EVIDENCE:
            break
    return list(chosen.values())


def sentence_with_title(request: Request, unit: Unit) -> str:
    """Return a unit as evidence: with the title of its passage in front, cut to its first 2,000 code points."""
    passage = request.passages[unit.passage]
    text = passage.text[unit.start : unit.end]
    return (f"{passage.title}: {text}" if passage.title.strip() else text)[:_MAX_EVIDENCE]


def combined(first: Scores, second: Scores) -> Scores:
    """Return the scores of both passes together: for a probability the geometric mean of the odds, for a relevance the larger.

    A unit that one pass did not score has the probability of the other pass, lowered where the prefilter of the second pass
    left it out.

    Args:
        first: scores of the first pass.
        second: scores of the second pass.
    """
    if second.not_scored and all(second.not_scored):  # the deadline left no time for the second pass
        reasons = tuple(SECOND_PASS if reason is None else reason for reason in _reasons(first))
        return replace(first, not_scored=reasons)
    probability = sigmoid((logit(first.probability) + logit(second.probability)) / 2)
    lowered = sigmoid(logit(first.probability) - _PENALTY)
    pairs = list(zip(_reasons(first), _reasons(second), strict=True))
    not_scored = tuple(starmap(_reason, pairs))
    for i, (in_first, in_second) in enumerate(pairs):
        if in_second is not None:
            is_left_out = in_first is None and in_second == PREFILTER
            probability[i] = lowered[i] if is_left_out else first.probability[i]
        elif in_first is not None:
            probability[i] = second.probability[i]
    return Scores(
        probability,
        np.maximum(first.relevance, second.relevance),
        first.warnings,
        not_scored if any(not_scored) else (),
    )


def _reasons(scores: Scores) -> tuple[str | None, ...]:
    """Return for each unit why the model did not score it, or None."""
    return scores.not_scored or (None,) * len(scores.probability)


def _reason(first: str | None, second: str | None) -> str | None:
    """Return why a unit counts as not scored, from the reasons of both passes; the prefilter may leave it out of one."""
    if first is None:
        return SECOND_PASS if second == DEADLINE else None
    return None if second is None else first
