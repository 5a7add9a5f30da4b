"""Okapi BM25 over the units and the passages of one request, mapped to 0..1.

How a score becomes a number between 0 and 1: BM25 sums, over the words of the question, the word's
weight (idf) times a saturating count that never exceeds k1 + 1. Divided by the sum of idf times
(k1 + 1) it is the share of the question's weight that the text attains: 0 when no word matches,
near 1 when a text is full of all of them. Words of the question that appear nowhere count in the
divisor. The probability of a unit is the mean of its own share and that of its passage, smoothed
with its neighbours in the same passage. It is a share, not a calibrated probability.

The constants were chosen on the first 120 questions of each of the eleven sets of README.md (`ctxzip eval
--method bm25`, run with each value); the figures beside them are the mean percentage of questions that keep their evidence
at 20% of the words.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, Any

import numpy as np
from rank_bm25 import BM25Okapi

from ctxzip.datamodels import Scores, ScoringInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PASSAGE_WEIGHT = 0.5  # 0.0: 81.5, 0.4: 82.9, 0.5: 82.8, 0.6: 82.3
_NEIGHBOUR_WEIGHT = 0.1  # 0.0: 82.4, 0.1: 82.8, 0.2: 83.1; at 10% of the words 70.5, 71.3, 71.1
_STEM = 6  # letters at which inflected forms meet, whatever the language; 5: 83.1, 6: 82.8, whole words: 82.6
_SHARED = 64  # terms that a unit takes from its title, and from the headings above it: a longer one is a text

_WORD = re.compile(
    # Scripts without spaces between words are taken letter by letter and paired below; vowel signs
    # and other marks, which are no letters to `re`, belong to their word.
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
    r"|(?:[^\W_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff])+"
)
_ASCII_WORD = re.compile("[a-z0-9]+")  # what _WORD finds in lower-case ASCII, sooner
UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
_FIRST_UNSPACED = "\u0e00"
_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "at",
        "to",
        "for",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "by",
        "with",
        "from",
        "as",
        "that",
        "this",
        "it",
        "its",
        "which",
        "who",
        "whom",
        "whose",
        "what",
        "when",
        "where",
        "how",
        "why",
        "did",
        "do",
        "does",
        "had",
        "has",
        "have",
        "not",
        "no",
        "he",
        "she",
        "his",
        "her",
        "they",
        "their",
        "them",
        "i",
        "you",
        "your",
        "we",
        "our",
        "can",
        "will",
        "would",
        "could",
        "should",
        "may",
        "might",
        "than",
        "then",
        "there",
        "these",
        "those",
        "but",
        "if",
        "so",
        "into",
        "about",
        "also",
        "such",
        "any",
        "all",
        "some",
        "more",
        "most",
        "other",
        "between",
        "during",
    ]
)


def terms(text: str) -> list[str]:
    """Split text into index terms: stems of words without English stop words, letter pairs of unspaced scripts.

    >>> terms("Who repaired the bridges?")
    ['repair', 'bridge']
    >>> terms("橋の長さ")
    ['橋の', 'の長', '長さ']
    """
    if text.isascii():
        return [
            word[:_STEM] if word.isalpha() else word
            for word in _ASCII_WORD.findall(text.lower())
            if word not in _STOP_WORDS
        ]
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if word[0] >= _FIRST_UNSPACED and re.match(UNSPACED, word):  # compiled when it is needed: it takes 2 ms
            found.extend(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        elif word not in _STOP_WORDS:
            found.append(word[:_STEM] if word.isalpha() or not word.isascii() else word)
    return found


class Bm25Scorer:
    """BM25 by rank-bm25; no model, no training, no claim to be calibrated.

    Args:
        warning: why this scorer is used in place of another.
    """

    name = "bm25"
    device = "cpu"
    batch_tokens = 0
    has_second_pass = False  # not by itself; beside a model it takes part in the model's second pass

    def __init__(self, warning: str | None = None) -> None:
        self.warning = warning

    def score(self, batch: Sequence[ScoringInput]) -> list[Scores]:
        """Score each request by itself; word weights come from its own documents.

        In a second pass the words of the evidence found so far join those of the query.
        """
        return [_score(item) for item in batch]

    def close(self) -> None:
        """Do nothing: it holds no threads and no files."""


def _score(item: ScoringInput) -> Scores:
    request, units = item.request, item.units
    query = list(dict.fromkeys(terms(" ".join((request.query, *item.evidence)))))
    titles = [terms(passage.title)[:_SHARED] for passage in request.passages]
    own = [terms(request.passages[unit.passage].text[unit.start : unit.end]) for unit in units]
    whole = [list(title) for title in titles]
    in_context = []
    for unit, words in zip(units, own, strict=True):
        whole[unit.passage].extend(words)
        above: list[str] = []
        parent = unit.parent
        while parent is not None and len(above) < _SHARED:
            above += own[parent][:_SHARED]
            parent = units[parent].parent
        # A rule or a bare mark has no words of its own and must not live on those above it.
        in_context.append(words + above[:_SHARED] + titles[unit.passage] if words else [])
    relevance = attained(whole, query)
    passages = np.fromiter((unit.passage for unit in units), dtype=np.intp, count=len(units))
    probability = (1 - _PASSAGE_WEIGHT) * attained(in_context, query) + _PASSAGE_WEIGHT * relevance[passages]
    probability = _smoothed(probability, passages)
    probability[[not words for words in own]] = 0
    return Scores(probability.astype(np.float32), relevance.astype(np.float32))


def _smoothed(values: NDArray[np.float64], passages: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the weighted mean of each value and its neighbours in the same passage, `(n_units,)`.

    A unit at the border of its passage counts itself for the neighbour it lacks.

    >>> _smoothed(np.array([0.0, 0.6, 0.6]), np.array([0, 0, 1])).round(3).tolist()
    [0.05, 0.55, 0.6]
    """
    before, behind = values.copy(), values.copy()
    inside = passages[1:] == passages[:-1]
    before[1:][inside] = values[:-1][inside]
    behind[:-1][inside] = values[1:][inside]
    return (values + _NEIGHBOUR_WEIGHT * (before + behind)) / (1 + 2 * _NEIGHBOUR_WEIGHT)


def attained(texts: list[list[str]], query: list[str]) -> NDArray[np.float64]:
    """Return the share of the question's BM25 weight that each text attains, `(n_texts,)`, 0..1.

    >>> attained([["tea", "green"], ["tea"], ["coffee"]], ["green", "tea"]).round(2).tolist()
    [0.33, 0.15, 0.0]
    >>> attained([[], []], ["tea"]).tolist()
    [0.0, 0.0]
    """
    if not query or not any(texts):
        return np.zeros(len(texts))
    index = _Okapi(texts, frozenset(query))
    unseen = _idf(len(texts), 0)
    weight = sum(index.idf.get(term, unseen) for term in query) * (index.k1 + 1)
    scores: NDArray[np.float64] = index.get_scores(query)
    return scores / weight


class _Okapi(BM25Okapi):  # type: ignore[misc]
    """rank-bm25's Okapi over the words that are asked for, which is all that it needs, with an idf that is never negative."""

    def __init__(self, texts: list[list[str]], asked: frozenset[str]) -> None:
        super().__init__([list(filter(asked.__contains__, words)) for words in texts])
        self.doc_len = [len(words) for words in texts]
        self.avgdl = sum(self.doc_len) / len(texts)

    def _calc_idf(self, nd: dict[str, int]) -> None:
        self.idf: dict[str, float] = {term: _idf(self.corpus_size, n) for term, n in nd.items()}
        self.k1: float
        self.corpus_size: Any


def _idf(n_texts: int, n_with_term: int) -> float:
    """Return the weight of a word, in the form that Lucene uses.

    rank-bm25's own, that of Robertson and others, falls below 0 for words in more than half of the texts, and with ten
    passages most words of the question are such words.
    """
    return math.log(1 + (n_texts - n_with_term + 0.5) / (n_with_term + 0.5))
