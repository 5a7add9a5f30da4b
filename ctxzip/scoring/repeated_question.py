"""Scores of units that only repeat the question -> scores below those of what follows them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ctxzip.datamodels import PreparedRequest, Scores

_WORD = re.compile(r"\w+")
_QUESTION_MARK = re.compile(r"[?？]\W*\Z")
# A query with such a first word is a question whatever its last mark. Others may be a claim or a line of a log, which what
# repeats it confirms, or a question that differs from its answer in its mark only, as in Italian and Japanese.
_QUESTION = re.compile(
    r"\W*(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|am|do|does|did|can|could|will|would|should|may|has|have"
    r"|had)\b",
    re.IGNORECASE,
)
_END = (
    40  # code points in which a question mark ends a text, with marks after it; also those of marks around a question
)
_SHARE = 0.5  # of the words of the question, the fewest in a shorter question that repeats it


def without_repeated_question(prepared: PreparedRequest, scores: Scores) -> Scores:
    """Return the scores, those of units that only repeat the question at most as high as that of the unit after them.

    Such a unit has the words of a question in their order, or ends in a question mark and has no other words. It cannot answer,
    but shares more with the question than anything that does: a FAQ, a mail that quotes it, or a text that is written to be
    retrieved.
    """
    query = prepared.request.query
    question = _WORD.findall(query.lower())
    is_question = bool(_QUESTION.match(query))
    units, passages = prepared.units, prepared.normalized.passages
    repeats = []
    for i, unit in enumerate(units):
        n_more = unit.end - unit.start - len(query)
        if n_more > _END:
            continue
        text = passages[unit.passage].text[unit.start : unit.end]
        if (is_question and n_more > -_END) or "?" in text or "？" in text:  # most units need no closer look
            words = _WORD.findall(text.lower())
            if words and ((is_question and words == question) or _is_shorter_question(text, words, question)):
                repeats.append(i)
    if not repeats:
        return scores
    probability = scores.probability.copy()
    for i in reversed(repeats):
        is_last = i + 1 == len(units) or units[i + 1].passage != units[i].passage
        probability[i] = min(probability[i], 0 if is_last else probability[i + 1])
    return replace(scores, probability=probability.astype(np.float32))


def _is_shorter_question(text: str, words: list[str], question: list[str]) -> bool:
    return (
        len(words) >= _SHARE * len(question)
        and bool(_QUESTION_MARK.search(text[-_END:]))
        and set(words) <= set(question)
    )
