"""The metrics of one method on one question; they can be averaged, bootstrapped and compared in pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.evaluation.answers import normalize_answer
from ctxzip.evaluation.metrics import average_precision, ndcg
from ctxzip.evaluation.ranking import rank_question
from ctxzip.reading.origin import origin_of
from ctxzip.settings import MODEL
from ctxzip.tokens import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctxzip.evaluation.labelled import Labelled
    from ctxzip.evaluation.reader import Reader
    from ctxzip.rendering.result import Result
    from ctxzip.tokens import Tokenizer

# name -> (description, whether higher is better). All are 0..1 for one question; auto is the automatic budget.
METRICS: dict[str, tuple[str, bool]] = {
    "best_unit_recall": ("its best unit alone is the needed evidence, where one unit is enough", True),
    "recall_at_10": ("keeps the needed evidence with 10% of the words", True),
    "recall_at_20": ("keeps the needed evidence with 20% of the words", True),
    "recall_at_30": ("keeps the needed evidence with 30% of the words", True),
    "auto_recall": ("keeps the needed evidence under auto", True),
    "auto_any_recall": ("keeps any evidence under auto", True),
    "auto_answer_recall": ("keeps the text of an answer under auto", True),
    "auto_kept_fraction": ("words kept under auto", False),
    "auto_kept_tokens": ("tokens kept under auto", False),
    "false_keep": ("keeps something under auto although the question is unanswerable", False),
    "average_precision": ("average precision over sentences", True),
    "ndcg_at_10": ("nDCG@10 over passages", True),
    "reader_exact_full": ("exact match of the reader's answer from the full context", True),
    "reader_exact": ("exact match of the reader's answer under auto", True),
    "reader_f1_full": ("F1 of the reader's answer from the full context", True),
    "reader_f1": ("F1 of the reader's answer under auto", True),
}
_VERDICTS = frozenset({"yes", "no", "noanswer"})  # answers whose words occur in many texts without answering
_RESAMPLES = 1_000
_SEED = 20240229
_INTERVAL = (2.5, 97.5)  # percent


@dataclass(frozen=True, slots=True)
class Miss:
    """A question whose evidence the automatic budget lost.

    Attributes:
        needed_fraction: the fraction of the words, 0..1, at which the ranking keeps the needed evidence; None where no
            unit overlaps it.
        evidence: each lost span and the highest probability, 0..1, of its units.
        kept: the kept texts.
    """

    needed_fraction: float | None
    evidence: tuple[tuple[str, float], ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The metrics of one question under one method.

    Attributes:
        key: identifies the question with its documents (`Labelled.key`).
        values: the metrics of `METRICS` that are defined for the question.
        words_kept, evidence_kept: words, and spans of evidence, kept under the automatic budget.
        miss: None where no needed evidence was lost, or the question is unanswerable.
    """

    key: str
    query: str
    place: str
    values: Mapping[str, float]
    words_kept: int
    evidence_kept: int
    miss: Miss | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, its 95% bootstrap interval (percentiles; Efron and Tibshirani 1993), and its number of questions."""

    mean: float
    low: float
    high: float
    n: int


def outcome(question: Labelled, result: Result, found: Sequence[bool], reader: Reader | None = None) -> Outcome:
    """Return the metrics of one question.

    Args:
        question: answerable or not.
        result: of the question under the automatic budget, with tokens that are words.
        found: whether the evidence is kept with 10, 20 and 30% of the words; empty for an unanswerable question.
        reader: answers from the full and from the compressed documents, or None.

    Raises:
        BackendError: the reader cannot be reached.
    """
    kept_spans = _kept_spans(question, result)
    values: dict[str, float] = {}
    miss = None
    if question.need == "none":
        values["false_keep"] = float(bool(result.selection.kept))
    else:
        is_relevant = np.zeros(len(question.request.passages), dtype=np.bool_)
        is_relevant[[passage for passage, _, _ in question.evidence]] = True
        best = _best_unit_recall(question, result)
        if best is not None:
            values["best_unit_recall"] = best
        values |= dict(zip(("recall_at_10", "recall_at_20", "recall_at_30"), map(float, found), strict=True))
        values["auto_kept_fraction"] = result.kept_fraction
        values["auto_kept_tokens"] = _tokens(result.texts) / max(
            _tokens([p.text for p in question.request.passages]), 1
        )
        values["auto_recall"] = float(question.found(result))
        values["auto_any_recall"] = float(kept_spans.any())
        values["average_precision"] = average_precision(
            result.scored.scores.probability, question.are_evidence(result.scored.units)
        )
        values["ndcg_at_10"] = ndcg(result.scored.scores.relevance, is_relevant, 10)
        kept_answer = _keeps_answer(question, result)
        if kept_answer is not None:
            values["auto_answer_recall"] = float(kept_answer)
        if reader is not None and question.answers:
            values |= reader.compare(question, result.texts)
        if not question.found(result):
            miss = _miss(question, result, kept_spans)
    return Outcome(
        key=question.key,
        query=question.request.query,
        place=origin_of(question.request).place,
        values=values,
        words_kept=result.tokens_out,
        evidence_kept=int(kept_spans.sum()),
        miss=miss,
    )


def _tokens(texts: Sequence[str]) -> int:
    """Return the number of tokens of texts by the tokenizer of the shipped models."""
    # Lone surrogates count as U+FFFD, as they do when a request is compressed.
    valid = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts if text]
    return sum(_tokenizer().count(valid))


@cache
def _tokenizer() -> Tokenizer:
    return load_tokenizer(MODEL)


def estimate(by_set: Sequence[Sequence[float]]) -> Estimate | None:
    """Return the mean over sets with equal weights, and its interval; None where there is no value.

    The bootstrap resamples the questions within each set 1,000 times, with a fixed seed.

    Args:
        by_set: the values of each set.

    >>> estimate([[1.0, 1.0], [0.0]])
    Estimate(mean=0.5, low=0.5, high=0.5, n=3)
    """
    filled = [np.array(values, dtype=np.float64) for values in by_set if len(values)]
    if not filled:
        return None
    rng = np.random.default_rng(_SEED)
    drawn = [
        rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=_RESAMPLES) @ values / len(values)
        for values in filled
    ]
    low, high = np.percentile(np.mean(drawn, axis=0), _INTERVAL)
    return Estimate(
        mean=float(np.mean([values.mean() for values in filled])),
        low=float(low),
        high=float(high),
        n=sum(map(len, filled)),
    )


def estimates(by_set: Sequence[Sequence[Outcome]]) -> dict[str, Estimate]:
    """Return the estimate of every metric of `METRICS` that is defined for some question, by name."""
    found = {
        name: estimate([[one.values[name] for one in outcomes if name in one.values] for outcomes in by_set])
        for name in METRICS
    }
    return {name: value for name, value in found.items() if value is not None}


def words_per_evidence(outcomes: Sequence[Outcome]) -> float | None:
    """Return the words kept under the automatic budget per kept span of evidence; None where no span is kept."""
    spans = sum(one.evidence_kept for one in outcomes)
    return sum(one.words_kept for one in outcomes) / spans if spans else None


def _kept_spans(question: Labelled, result: Result) -> NDArray[np.bool_]:
    """Return which spans of the evidence the kept units overlap, `(n_spans,)`."""
    kept: NDArray[np.bool_] = np.logical_or.reduce(
        question.overlaps(result.scored.units)[list(result.selection.kept)], axis=0
    )
    return kept


def _best_unit_recall(question: Labelled, result: Result) -> float | None:
    """Return whether the most probable unit is all the evidence that is needed; None where no single unit is."""
    overlaps = question.overlaps(result.scored.units)
    over_spans = np.logical_and if question.need == "all" else np.logical_or
    is_enough: NDArray[np.bool_] = over_spans.reduce(overlaps, axis=1)
    return float(is_enough[np.argmax(result.scored.scores.probability)]) if is_enough.any() else None


def _keeps_answer(question: Labelled, result: Result) -> bool | None:
    """Return whether an answer that occurs in the documents occurs in the kept texts; None where none occurs."""
    answers = {normalize_answer(answer) for answer in question.answers} - _VERDICTS - {""}
    before, after = (
        f" {normalize_answer(' '.join(texts))} "
        for texts in ([passage.text for passage in question.request.passages], result.texts)
    )
    present = [answer for answer in answers if f" {answer} " in before]
    return any(f" {answer} " in after for answer in present) if present else None


def _miss(question: Labelled, result: Result, kept_spans: NDArray[np.bool_]) -> Miss:
    ranking = rank_question("", question, result.scored)
    last = None if ranking is None else ranking.last_needed
    overlaps = question.overlaps(result.scored.units)
    lost = []
    for span, (passage, start, end) in enumerate(question.evidence):
        if not kept_spans[span]:
            best = result.scored.scores.probability[overlaps[:, span]].max(initial=0.0)
            lost.append((question.request.passages[passage].text[start:end], float(best)))
    return Miss(
        needed_fraction=None if ranking is None or last is None else float(ranking.kept_fraction[last]),
        evidence=tuple(lost),
        kept=tuple(text for text in result.texts if text),
    )
