"""What one method made of one question: numbers that can be averaged, resampled and compared in pairs."""

from __future__ import annotations

import hashlib
import re
import string
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ctxzip.evaluation.metrics import average_precision, ndcg
from ctxzip.evaluation.ranking import ranked
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

# name -> what it is, and whether more of it is better. All are 0..1 for one question; auto is the automatic budget.
METRICS: dict[str, tuple[str, bool]] = {
    "recall_at_10": ("keeps the evidence it needs with 10% of the words", True),
    "recall_at_20": ("keeps the evidence it needs with 20% of the words", True),
    "recall_at_30": ("keeps the evidence it needs with 30% of the words", True),
    "auto_recall": ("keeps the evidence it needs under auto", True),
    "auto_any_recall": ("keeps any evidence under auto", True),
    "auto_answer_recall": ("keeps the words of an answer under auto", True),
    "auto_kept_fraction": ("words kept under auto", False),
    "auto_kept_tokens": ("tokens kept under auto", False),
    "false_keep": ("keeps something under auto though nothing answers", False),
    "average_precision": ("average precision over sentences", True),
    "ndcg_at_10": ("nDCG@10 over passages", True),
    "reader_exact_full": ("the reader's answer from the full context is exact", True),
    "reader_exact": ("the reader's answer under auto is exact", True),
    "reader_f1_full": ("F1 of the reader's answer from the full context", True),
    "reader_f1": ("F1 of the reader's answer under auto", True),
}
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_VERDICTS = frozenset({"yes", "no", "noanswer"})  # stand in many texts and answer nothing there
_RESAMPLES = 1_000
_SEED = 20240229
_INTERVAL = (2.5, 97.5)  # percent


@dataclass(frozen=True, slots=True)
class Miss:
    """Evidence that the automatic budget lost.

    Attributes:
        needed_fraction: of the words, 0..1, that the ranking must keep to hold what is needed; None where no unit can.
        evidence: each span that was lost, with the highest probability of its units.
        kept: the texts that were kept.
    """

    needed_fraction: float | None
    evidence: tuple[tuple[str, float], ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question under one method.

    Attributes:
        key: the same for the same question and documents in every run.
        values: of `METRICS`, those that the question can say.
        words_kept, evidence_kept: under the automatic budget: words, and spans of evidence held.
        miss: None where nothing that is needed was lost, or nothing answers.
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
    """A mean with its 95% bootstrap interval (percentiles; Efron and Tibshirani 1993), and its questions."""

    mean: float
    low: float
    high: float
    n: int


def outcome(question: Labelled, result: Result, found: Sequence[bool], reader: Reader | None = None) -> Outcome:
    """Return what came of one question.

    Args:
        question: labelled.
        result: of it, under the automatic budget, in words.
        found: whether the evidence is kept with 10, 20 and 30% of the words; empty where nothing answers.
        reader: asked for an answer from all and from what is kept, or None.

    Raises:
        BackendError: the reader cannot be asked.
    """
    held = _held(question, result)
    values: dict[str, float] = {}
    miss = None
    if question.need == "none":
        values["false_keep"] = float(bool(result.selection.kept))
    else:
        is_relevant = np.zeros(len(question.request.passages), dtype=np.bool_)
        is_relevant[[passage for passage, _, _ in question.evidence]] = True
        values |= dict(zip(("recall_at_10", "recall_at_20", "recall_at_30"), map(float, found), strict=True))
        values["auto_kept_fraction"] = result.kept_fraction
        values["auto_kept_tokens"] = _tokens(result.texts) / max(
            _tokens([p.text for p in question.request.passages]), 1
        )
        values["auto_recall"] = float(question.found(result))
        values["auto_any_recall"] = float(held.any())
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
            miss = _miss(question, result, held)
    return Outcome(
        key=key(question),
        query=question.request.query,
        place=origin_of(question.request).place,
        values=values,
        words_kept=result.tokens_out,
        evidence_kept=int(held.sum()),
        miss=miss,
    )


def _tokens(texts: Sequence[str]) -> int:
    """Return the tokens of texts, by the tokenizer of the model that ships."""
    # Lone surrogates are counted as they are when a request is compressed: as U+FFFD.
    whole = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts if text]
    return sum(_tokenizer().count(whole))


@cache
def _tokenizer() -> Tokenizer:
    return load_tokenizer(MODEL)


def key(question: Labelled) -> str:
    """Return what tells a question with its documents from every other."""
    texts = (question.request.query, *(passage.text for passage in question.request.passages))
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def normalised(text: str) -> str:
    """Return a text as SQuAD compares answers (Rajpurkar et al. 2016): no case, punctuation, articles, double spaces.

    >>> normalised("The  Ferry, an 'old' one!")
    'ferry old one'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def estimate(by_set: Sequence[Sequence[float]]) -> Estimate | None:
    """Return the mean over sets, each weighing the same, and its interval; None where there is no value.

    Questions are drawn again within each set, 1,000 times, the same way at every run.

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
    """Return every metric of `METRICS` that some question can say."""
    found = {
        name: estimate([[one.values[name] for one in outcomes if name in one.values] for outcomes in by_set])
        for name in METRICS
    }
    return {name: value for name, value in found.items() if value is not None}


def words_per_evidence(outcomes: Sequence[Outcome]) -> float | None:
    """Return the words kept under the automatic budget for each span of evidence kept; None where there is none."""
    spans = sum(one.evidence_kept for one in outcomes)
    return sum(one.words_kept for one in outcomes) / spans if spans else None


def _held(question: Labelled, result: Result) -> NDArray[np.bool_]:
    """Return which spans of the evidence the kept units overlap, `(n_spans,)`."""
    held: NDArray[np.bool_] = np.logical_or.reduce(
        question.overlaps(result.scored.units)[list(result.selection.kept)], axis=0
    )
    return held


def _keeps_answer(question: Labelled, result: Result) -> bool | None:
    """Tell whether an answer that stands in the documents stands in what is kept; None where none does."""
    answers = {normalised(answer) for answer in question.answers} - _VERDICTS - {""}
    before, after = (
        f" {normalised(' '.join(texts))} "
        for texts in ([passage.text for passage in question.request.passages], result.texts)
    )
    standing = [answer for answer in answers if f" {answer} " in before]
    return any(f" {answer} " in after for answer in standing) if standing else None


def _miss(question: Labelled, result: Result, held: NDArray[np.bool_]) -> Miss:
    ranking = ranked("", question, result.scored)
    last = None if ranking is None else ranking.last_needed
    overlaps = question.overlaps(result.scored.units)
    lost = []
    for span, (passage, start, end) in enumerate(question.evidence):
        if not held[span]:
            best = result.scored.scores.probability[overlaps[:, span]].max(initial=0.0)
            lost.append((question.request.passages[passage].text[start:end], float(best)))
    return Miss(
        needed_fraction=None if ranking is None or last is None else float(ranking.kept_fraction[last]),
        evidence=tuple(lost),
        kept=tuple(text for text in result.texts if text),
    )
