"""The second pass of multi-hop queries: the evidence found so far joins the query, so that the next step can be found.

"When was the director of Red Harbour born?" has no word of the passage about Ines Holm, until the sentence that names her
as the director is scored together with the query (multi-hop retrieval of this kind: Xiong et al. 2021, "Answering complex
open-domain questions with multi-hop dense retrieval"). The second pass scores the part of the text that BM25 ranks highest
for query and evidence, which is where a next step is.
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

# All constants: chosen on the multi-hop dev sets, models/README.md has the measurements.
_MAX_EVIDENCE = 2_000  # code points of one piece of evidence: a longer unit is a block with too many words for BM25
_PASSAGES = 2  # whose best unit is evidence: both things compared, or the first step and its nearest rival
_SHARE = 0.4  # of the text that a second pass scores
_LEAST = 2_000  # code points that it scores where there are so many
_LEFT_OUT = 0.5  # off the log-odds of units that the second pass leaves out: else they rise above those that it scores


def second_input(item: ScoringInput, scores: Scores) -> ScoringInput:
    """Return the input of the second pass: the evidence found, and how much of the text it scores.

    Args:
        item: the input of the first pass.
        scores: of the first pass.
    """
    evidence = tuple(sentence_with_title(item.request, item.units[i]) for i in best_of_passages(item.units, scores))
    n_characters = sum(unit.end - unit.start for unit in item.units)
    most = max(math.ceil(_SHARE * n_characters), _LEAST)
    return replace(item, evidence=evidence, max_characters=most if most < n_characters else None)


def best_of_passages(units: Sequence[Unit], scores: Scores) -> list[int]:
    """Return the best unit of each of the best passages, the best first; ties go to the earlier."""
    chosen: dict[int, int] = {}
    for i in np.argsort(-scores.probability, kind="stable").tolist():
        if units[i].kind != "heading":
            chosen.setdefault(units[i].passage, i)
        if len(chosen) == _PASSAGES:
            break
    return list(chosen.values())


def sentence_with_title(request: Request, unit: Unit) -> str:
    """Return a unit as evidence: the title of its passage in front, and only the first code points of a long block."""
    passage = request.passages[unit.passage]
    text = passage.text[unit.start : unit.end]
    return (f"{passage.title}: {text}" if passage.title.strip() else text)[:_MAX_EVIDENCE]


def combined(first: Scores, second: Scores) -> Scores:
    """Return the scores of both passes together: the geometric mean of their odds.

    A unit that one pass did not score keeps the probability of the other, lowered where the second pass left it out.
    """
    if second.not_scored and all(second.not_scored):  # no time for any of it
        reasons = tuple(SECOND_PASS if reason is None else reason for reason in _reasons(first))
        return replace(first, not_scored=reasons)
    odds = (logit(first.probability) + logit(second.probability)) / 2
    probability = sigmoid(odds)
    lowered = sigmoid(logit(first.probability) - _LEFT_OUT)
    pairs = list(zip(_reasons(first), _reasons(second), strict=True))
    not_scored = tuple(starmap(_reason, pairs))
    for i, (one, two) in enumerate(pairs):
        if two is not None:
            probability[i] = lowered[i] if one is None and two == PREFILTER else first.probability[i]
        elif one is not None:
            probability[i] = second.probability[i]
    return Scores(
        probability,
        np.maximum(first.relevance, second.relevance),
        first.warnings,
        not_scored if any(not_scored) else (),
    )


def _reasons(scores: Scores) -> tuple[str | None, ...]:
    return scores.not_scored or (None,) * len(scores.probability)


def _reason(first: str | None, second: str | None) -> str | None:
    """Return why a unit was not scored in both passes; the prefilter may leave it out of one of them."""
    if first is None:
        return SECOND_PASS if second == DEADLINE else None
    return None if second is None else first
